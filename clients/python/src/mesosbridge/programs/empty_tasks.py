"""Launches tasks that do nothing on Mesos through the bridge, and sees them finish."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import secrets
import signal
import sys
import time
from collections.abc import Collection
from dataclasses import dataclass
from importlib import metadata

from mesos.v1 import mesos_pb2

from .. import (
    AcknowledgementRefused,
    AsyncScheduler,
    BridgeError,
    Detached,
    Event,
    Gap,
    LinkChanged,
    MesosError,
    Offers,
    Opened,
    Options,
    ResourcePool,
    Standby,
    Subscribed,
    Update,
    describe,
    task_outcome,
)
from ..options import access

# What one task needs: a tenth of a CPU and 32 MB.
CPUS, MEM = 0.1, 32
# What is not used is not wanted again soon: the framework asks when it wants more.
REFUSE_SECONDS = 600
# Mesos tells what became of a task whose update was lost only to who asks.
RECONCILE_SECONDS = 30


@dataclass
class EmptyTask:
    """One of the tasks to run."""

    number: int
    attempts: int = 0


class EmptyTasks:
    """The tasks to run, and what became of them."""

    def __init__(self, scheduler: AsyncScheduler, tasks: int, command: str, retries: int) -> None:
        self._scheduler = scheduler
        self._command = command
        self._retries = retries
        # Distinguishes the task ids of this run from those of earlier ones of the same framework.
        self._run = f"{time.time_ns() // 1_000_000:x}"
        self._waiting = [EmptyTask(n + 1) for n in range(tasks)]
        self._running: dict[str, EmptyTask] = {}
        self.active = False
        self.was_active = False
        self.finished = 0
        self.failed = 0

    @property
    def done(self) -> bool:
        return not self._waiting and not self._running

    async def handle(self, event: Event) -> None:
        match event:
            case Offers():
                for offer in event.offers:
                    await self._on_offer(offer)
            case Update():
                await self._on_update(event.status)
            case Gap() | Subscribed():
                # What happened meanwhile was perhaps not seen.
                await self.reconcile()
            case Standby():
                complain("standing by")
            case Opened():
                self.active = self.was_active = True
            case Detached():
                self.active = False
            case LinkChanged(linked=True):
                complain(f"the bridge is connected to the Mesos master {event.master}")
            case LinkChanged():
                complain(f"the bridge has no Mesos master: {event.reason or 'it looks for one'}")
            case MesosError():
                complain(f"Mesos says: {event.message}")
            case AcknowledgementRefused():
                complain(f"an acknowledgement was refused: {event.error}")

    async def reconcile(self) -> None:
        """Asks what became of the tasks that should run. The answers are updates."""
        if self._running:
            await tolerated(self._scheduler.reconcile_tasks(self._running))

    async def _on_offer(self, offer: mesos_pb2.Offer) -> None:
        pool = ResourcePool(offer.resources)
        tasks: list[mesos_pb2.TaskInfo] = []
        launched: dict[str, EmptyTask] = {}
        for task in self._waiting:
            resources = pool.take(CPUS, MEM)
            if resources is None:
                break
            task_id = f"empty-{self._run}-{task.number}-{task.attempts + 1}"
            launched[task_id] = task
            tasks.append(
                mesos_pb2.TaskInfo(
                    name=f"empty task {task.number}",
                    task_id=mesos_pb2.TaskID(value=task_id),
                    agent_id=offer.agent_id,
                    resources=resources,
                    command=mesos_pb2.CommandInfo(shell=True, value=self._command),
                )
            )
        if tasks:
            await self._launch(offer, tasks, launched)
        else:
            await tolerated(self._scheduler.decline_offers([offer], refuse_seconds=REFUSE_SECONDS))

    async def _launch(
        self, offer: mesos_pb2.Offer, tasks: list[mesos_pb2.TaskInfo], launched: dict[str, EmptyTask]
    ) -> None:
        unknown = False
        try:
            await self._scheduler.launch_tasks([offer], tasks, refuse_seconds=REFUSE_SECONDS)
        except BridgeError as error:
            unknown = error.outcome_unknown
            unused = error.reason in ("OFFER_GONE", "ATTACHMENT_SUPERSEDED")
            if unused or (error.retryable and not unknown):
                # Nothing was launched. It is not the tasks' fault that an offer is gone, or that another instance took
                # over (unless it stands by, the events end with that); more offers come by themselves.
                return
            if not unknown:
                raise
        self._waiting = self._waiting[len(launched) :]
        for task in launched.values():
            task.attempts += 1
        self._running |= launched
        if unknown:
            # Perhaps they run: then an update comes, or the answer to a reconciliation.
            await self.reconcile()
        else:
            print(f"launched {len(tasks)} on agent {offer.agent_id.value}", flush=True)

    async def _on_update(self, status: mesos_pb2.TaskStatus) -> None:
        task = self._running.get(status.task_id.value)
        outcome = task_outcome(status)
        if task is None or outcome == "active":
            return
        del self._running[status.task_id.value]
        if outcome == "finished":
            self.finished += 1
            print(f"task {task.number} finished", flush=True)
        elif outcome == "lost" and task.attempts <= self._retries:
            print(f"task {task.number} is launched again: {describe(status)}", flush=True)
            self._waiting.append(task)
            await tolerated(self._scheduler.revive_offers())
        else:
            self.failed += 1
            print(f"task {task.number} failed: {describe(status)}", flush=True)


async def tolerated(call) -> None:
    """Awaits a call whose failure may mend itself: how long the bridge may be away is the scheduler's to say."""
    try:
        await call
    except BridgeError as error:
        if not (error.retryable or error.outcome_unknown):
            raise
        complain(str(error))


def complain(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "mesos-empty-tasks",
        description=f"{__doc__} The exit status is 0 if all did, 1 if not, 2 if it was called wrongly.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=version())
    parser.add_argument(
        "--bridge",
        default="127.0.0.1:50051",
        metavar="HOST:PORT",
        help="the Mesos bridge, also as unix:/PATH, or several addresses with commas between them",
    )
    add_access(parser)
    parser.add_argument(
        "--framework-name",
        default=f"empty-tasks-{secrets.token_hex(4)}",
        help="names this framework's session at the bridge; unless told, each run has its own",
    )
    parser.add_argument(
        "--standby",
        action="store_true",
        help="wait while another instance is active, and take over when it is gone; an interrupt hands over",
    )
    parser.add_argument("--user", default=getpass.getuser(), help="the user that tasks run as on the agents")
    parser.add_argument("--role", default="*", help="the Mesos role whose resources are used")
    parser.add_argument("--tasks", type=at_least(1), default=5, help="how many tasks")
    parser.add_argument("--command", default="true", help="the shell command of each task")
    parser.add_argument("--retries", type=at_least(0), default=3, help="how often a task that Mesos lost is run again")
    parser.add_argument(
        "--give-up-after", type=float, default=60, metavar="SECONDS", help="end when the bridge was away for so long"
    )
    return parser


def parsed() -> argparse.Namespace:
    """The options; ends the program if they are wrong."""
    parser = arguments()
    options = parser.parse_args()
    if options.standby and options.framework_name == parser.get_default("framework_name"):
        parser.error("--standby needs --framework-name: the instances share one")
    return options


def add_access(parser: argparse.ArgumentParser) -> None:
    environment = os.environ.get
    for name, what in (
        ("ca", "PEM file of the authorities that the bridge's certificate may be of, for TLS"),
        ("cert", "PEM file of this client's certificate, for TLS"),
        ("key", "PEM file of its key"),
        ("token-file", "file of the token that says who calls; read for each stream and call"),
    ):
        variable = f"MESOS_BRIDGE_{name.replace('-', '_').upper()}"
        parser.add_argument(
            f"--bridge-{name}", metavar="FILE", default=environment(variable), help=f"{what}; also {variable}"
        )


def version() -> str:
    try:
        return metadata.version("mesos-bridge")
    except metadata.PackageNotFoundError:
        return "not installed as a package"


def at_least(least: int):
    def parse(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"it must be at least {least}")
        return value

    parse.__name__ = "whole number"
    return parse


async def run(options: argparse.Namespace) -> int:
    capability = mesos_pb2.FrameworkInfo.Capability
    info = mesos_pb2.FrameworkInfo(
        user=options.user,
        roles=[options.role],
        capabilities=[capability(type=capability.MULTI_ROLE), capability(type=capability.PARTITION_AWARE)],
    )
    files = access(options.bridge_ca, options.bridge_cert, options.bridge_key, options.bridge_token_file)
    settings = Options(
        expiry="teardown",
        replace_removed=True,
        standby=options.standby,
        give_up_after=options.give_up_after,
        **files,
    )
    async with AsyncScheduler(options.bridge, options.framework_name, info, settings) as scheduler:
        tasks = EmptyTasks(scheduler, options.tasks, options.command, options.retries)
        ending = end_on_signals(scheduler, tasks, options.standby)
        reconciling = asyncio.create_task(reconcile_forever(tasks))
        try:
            async for event in scheduler:
                await tasks.handle(event)
                if tasks.done:
                    # Leaving the loop now would leave the last update without its acknowledgement.
                    await scheduler.handled(event)
                    break
        finally:
            reconciling.cancel()
        if tasks.done:
            await scheduler.teardown()
    if options.standby and not (tasks.was_active or ending):
        print("another instance has ended the framework")
        return 0
    print(f"{tasks.finished} of {options.tasks} finished, {tasks.failed} failed")
    return 0 if tasks.finished == options.tasks else 1


async def reconcile_forever(tasks: EmptyTasks) -> None:
    while True:
        await asyncio.sleep(RECONCILE_SECONDS)
        await tasks.reconcile()


def end_on_signals(scheduler: AsyncScheduler, tasks: EmptyTasks, standby: bool) -> Collection[asyncio.Task[None]]:
    """Ctrl-C, or SIGTERM, ends the framework in Mesos and with it the events; a second one ends the program at once.
    With `standby`, the framework goes to the next instance. Gives the tasks that do this: none until there is a signal.
    """
    loop = asyncio.get_running_loop()
    ending: set[asyncio.Task[None]] = set()

    async def end() -> None:
        try:
            if not standby:
                complain("ending the framework")
                await scheduler.teardown(timeout=10)
            elif tasks.active:
                complain("handing over")
                await scheduler.hand_over(timeout=10)
            else:
                await scheduler.close(0)
        except BridgeError:
            await scheduler.close(0)

    def on_signal() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
        ending.add(asyncio.create_task(end()))

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, on_signal)
    return ending


def main() -> None:
    options = parsed()
    try:
        status = asyncio.run(run(options))
    except BridgeError as error:
        text = str(error)
        if error.reason == "ATTACHMENT_SUPERSEDED":
            text = "another client attached under the same framework name; use another --framework-name to run both"
        complain(f"mesos-empty-tasks: {text}")
        status = 1
    except ValueError as error:
        complain(f"mesos-empty-tasks: {error}")
        status = 2
    sys.exit(status)


if __name__ == "__main__":
    main()
