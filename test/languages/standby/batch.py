"""A client of a batch, as test/support/batchClient.mjs is, over the Python library."""

import asyncio
import json
import sys
from contextlib import suppress
from pathlib import Path

from mesos.v1 import mesos_pb2
from mesosbridge import AsyncScheduler, BridgeError, Gap, LinkChanged, Offers, Opened, Options, Standby, Update

SETTINGS = json.loads(sys.argv[1])
TERMINAL = {"FINISHED", "FAILED", "KILLED", "LOST", "ERROR", "DROPPED", "GONE", "GONE_BY_OPERATOR"}
UNKNOWN = {"UNKNOWN", "GONE", "DROPPED", "LOST"}


def say(**line: object) -> None:
    print(json.dumps(line, separators=(",", ":")), flush=True)


class Batch:
    def __init__(self, scheduler: AsyncScheduler) -> None:
        self.scheduler = scheduler
        self.tasks = {f"{SETTINGS['frameworkName']}.{i}": "to do" for i in range(SETTINGS["count"])}
        self.linked = False
        self.background: set[asyncio.Task[None]] = set()

    def load(self) -> None:
        """Takes what others have begun and seen the end of."""
        ledger = Path(SETTINGS["ledger"])
        for line in ledger.read_text().splitlines() if ledger.exists() else []:
            kind, task = line.split(" ")
            if kind == "begin" and self.tasks[task] != "ended":
                self.tasks[task] = "in doubt"
            elif kind == "end":
                self.tasks[task] = "ended"

    def note(self, kind: str, task: str) -> None:
        with Path(SETTINGS["ledger"]).open("a") as ledger:
            ledger.write(f"{kind} {task}\n")

    def ids(self, *states: str) -> list[str]:
        return [task for task, state in self.tasks.items() if state in states]

    def start(self, work) -> None:
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    async def reconcile(self) -> None:
        tasks = self.ids("in doubt", "launched")
        if self.linked and tasks:
            with suppress(BridgeError):
                await self.scheduler.reconcile_tasks(tasks, timeout=3)

    async def remind(self) -> None:
        while True:
            await asyncio.sleep(1)
            await self.reconcile()

    async def launch(self, offer: mesos_pb2.Offer) -> None:
        amounts = {resource.name: resource.scalar.value for resource in offer.resources}
        room = min(8, int(amounts.get("cpus", 0) / 0.1 + 1e-6), int(amounts.get("mem", 0) / 32))
        chosen = self.ids("to do")[:room]
        if not chosen:
            with suppress(BridgeError):
                await self.scheduler.decline_offers([offer], refuse_seconds=0.2)
            return
        for task in chosen:
            self.note("begin", task)
            self.tasks[task] = "in doubt"
        try:
            infos = [task_info(task, offer) for task in chosen]
            await self.scheduler.launch_tasks([offer], infos, refuse_seconds=0.2)
            after = "launched"
        except BridgeError as error:
            say(kind="launch failed", reason=error.reason, unknown=error.outcome_unknown)
            if error.outcome_unknown:
                return await self.reconcile()
            after = "to do"
        for task in chosen:
            if self.tasks[task] == "in doubt":
                self.tasks[task] = after

    def update(self, event: Update) -> None:
        task = event.status.task_id.value
        state = mesos_pb2.TaskState.Name(event.status.state).removeprefix("TASK_")
        owed = event.ack_token is not None
        if owed or state not in ("STAGING", "STARTING", "RUNNING"):
            say(kind="update", task=task, state=state, owed=owed)
        if self.tasks.get(task) in (None, "ended"):
            return
        if not owed and state in UNKNOWN:
            self.tasks[task] = "to do"
        elif state in TERMINAL and owed:
            self.note("end", task)
            self.tasks[task] = "ended"
        elif state not in TERMINAL:
            self.tasks[task] = "launched"

    async def run(self) -> None:
        self.start(self.remind())
        say(kind="started")
        async for event in self.scheduler:
            match event:
                case Update():
                    self.update(event)
                case Opened():
                    say(kind="opened", resumed=event.resumed, linked=event.linked)
                    self.linked = event.linked
                    if not event.resumed:
                        self.load()
                case Standby():
                    say(kind="standby")
                    self.linked = False
                case LinkChanged():
                    self.linked = event.linked
                case Offers():
                    for offer in event.offers:
                        self.start(self.launch(offer))
            if isinstance(event, Opened | LinkChanged | Gap):
                self.start(self.reconcile())
            if len(self.ids("ended")) == len(self.tasks):
                await self.scheduler.handled(event)
                break


def task_info(task: str, offer: mesos_pb2.Offer) -> mesos_pb2.TaskInfo:
    scalar = mesos_pb2.Value.SCALAR
    resources = [
        mesos_pb2.Resource(name=name, type=scalar, scalar=mesos_pb2.Value.Scalar(value=value))
        for name, value in (("cpus", 0.1), ("mem", 32))
    ]
    command = SETTINGS["command"].replace("TASK", task)
    return mesos_pb2.TaskInfo(
        name=task,
        task_id=mesos_pb2.TaskID(value=task),
        agent_id=offer.agent_id,
        resources=resources,
        command=mesos_pb2.CommandInfo(value=command),
    )


async def main() -> None:
    name = SETTINGS["frameworkName"]
    capability = mesos_pb2.FrameworkInfo.Capability
    info = mesos_pb2.FrameworkInfo(
        user="root",
        name=name,
        roles=["*"],
        failover_timeout=600,
        capabilities=[capability(type=capability.MULTI_ROLE), capability(type=capability.PARTITION_AWARE)],
    )
    options = Options(
        lease=SETTINGS["leaseMs"] / 1000, standby=SETTINGS["standby"], backoff_initial=0.02, backoff_max=0.3
    )
    scheduler = AsyncScheduler(SETTINGS["bridge"], name, info, options)
    batch = Batch(scheduler)
    await batch.run()
    for task in batch.background:
        task.cancel()
    await scheduler.close(20)
    say(kind="done", owed=0)


asyncio.run(main())
