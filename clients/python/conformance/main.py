"""The conformance driver of the Python client: test/conformance/README.md tells what a driver does.

`--blocking` drives Scheduler, without it AsyncScheduler.
"""

import asyncio
import json
import sys
import threading
import time
import traceback
from base64 import b64decode
from typing import Any

from printed import printed_entry, printed_error, printed_event

from mesos.v1 import mesos_pb2
from mesosbridge import AsyncScheduler, BridgeError, Event, Offers, Options, ResourcePool, Scheduler, Tls
from mesosbridge.events import owed_token
from mesosbridge.v1 import scheduler_pb2


class Driver:
    """What both ways of driving have in common: `act` gives what to call, and the caller awaits it or not."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.events: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.error: dict[str, Any] | None = None

    def arguments(self) -> tuple[str, str, mesos_pb2.FrameworkInfo, Options]:
        given = self.given.get("options", {})
        options = Options(
            backoff_initial=given.get("backoffInitialMs", 1) / 1000,
            backoff_max=given.get("backoffMaxMs", 50) / 1000,
            call_timeout=given.get("callTimeoutMs", 10_000) / 1000,
            expiry=given.get("expiry", "disconnect"),
            replace_removed=given.get("replaceRemoved", False),
            standby=given.get("standby", False),
            suppressed_roles=given.get("suppressedRoles", []),
            proxy=given.get("proxy"),
            tls=tls_of(given.get("tls")),
            token=token_of(given),
        )
        if "giveUpAfterMs" in given:
            options.give_up_after = given["giveUpAfterMs"] / 1000
        if "leaseMs" in given:
            options.lease = given["leaseMs"] / 1000
        options.max_buffered = given.get("maxBuffered", options.max_buffered)
        options.max_message_bytes = given.get("maxMessageBytes", options.max_message_bytes)
        info = mesos_pb2.FrameworkInfo(user=self.given["user"])
        return self.given["bridge"], self.given["frameworkName"], info, options

    def actions(self, event: Event) -> list[dict[str, Any]]:
        """What the rules say of an event."""
        seen = printed_event(event)
        self.events.append(seen)
        found = []
        for rule in self.given.get("rules", []):
            applies = rule["on"] == event.kind and all(seen.get(k) == v for k, v in rule.get("where", {}).items())
            if not applies or rule.get("times", 1) <= 0:
                continue
            if "times" in rule:
                rule["times"] -= 1
            found += rule["do"]
        return found

    def output(self) -> dict[str, Any]:
        return {"events": self.events, "calls": self.calls, "error": self.error}


def tls_of(given: dict[str, str] | None) -> Tls | None:
    if given is None:
        return None
    return Tls(ca=given.get("ca"), cert=given.get("cert"), key=given.get("key"), server_name=given.get("serverName"))


def token_of(given: dict[str, Any]) -> Any:
    """The token, or a function that gives one after the other; the last one stays."""
    if "tokens" not in given:
        return given.get("token")
    tokens = list(given["tokens"])

    def fresh() -> str:
        token = tokens.pop(0) if len(tokens) > 1 else tokens[0]
        if token is None:
            raise RuntimeError("the issuer does not answer")
        return token

    return fresh


def send(scheduler: Any, action: dict[str, Any], event: Event) -> Any:
    """Makes the call; of AsyncScheduler, it is to be awaited."""
    offers = event.offers if isinstance(event, Offers) else []
    match action["call"]:
        case "launchTasks":
            tasks = tasks_of(action, offers[0])
            return scheduler.launch_tasks(offers[:1], tasks, cookies=cookies_of(action), state=state_of(action))
        case "getState":
            return scheduler.get_state(action["key"])
        case "putState":
            return scheduler.put_state(action["key"], b64decode(action["value"]), if_version=action.get("ifVersion"))
        case "deleteState":
            return scheduler.delete_state(action["key"], if_version=action.get("ifVersion"))
        case "listState":
            return scheduler.list_state(action.get("prefix", ""))
        case "declineOffers":
            return scheduler.decline_offers(offers, refuse_seconds=action.get("refuseSeconds"))
        case "reviveOffers":
            return scheduler.revive_offers(action.get("roles", []))
        case "suppressOffers":
            return scheduler.suppress_offers(action.get("roles", []))
        case "killTask":
            return scheduler.kill_task(action["taskId"])
        case "reconcileTasks":
            return scheduler.reconcile_tasks(action.get("taskIds", []))
        case "teardown":
            return scheduler.teardown()
        case "closeSession":
            return scheduler.close_session()
        case "handOver":
            return scheduler.hand_over()
    raise ValueError(f"this driver has no call {action['call']}")


def printed_result(call: str, result: Any) -> Any:
    match call:
        case "launchTasks":
            return {"stateVersion": str(result)}
        case "getState":
            return None if result is None else printed_entry(result)
        case "putState":
            return {"version": str(result)}
        case "listState":
            return {"entries": [printed_entry(entry) for entry in result]}
    return None


def state_of(action: dict[str, Any]) -> list[scheduler_pb2.StateChange]:
    return [
        scheduler_pb2.StateChange(
            key=change["key"],
            value=b64decode(change.get("value", "")),
            if_version=change.get("ifVersion"),
            delete=change.get("delete", False),
        )
        for change in action.get("state", [])
    ]


def cookies_of(action: dict[str, Any]) -> dict[str, bytes]:
    return {task["id"]: b64decode(task["cookie"]) for task in action["tasks"] if "cookie" in task}


def tasks_of(action: dict[str, Any], offer: mesos_pb2.Offer) -> list[mesos_pb2.TaskInfo]:
    pool = ResourcePool(offer.resources)
    return [
        mesos_pb2.TaskInfo(
            name=task["id"],
            task_id=mesos_pb2.TaskID(value=task["id"]),
            agent_id=offer.agent_id,
            resources=pool.take(task["cpus"], task["mem"]),
            command=mesos_pb2.CommandInfo(shell=True, value=task["command"]),
        )
        for task in action["tasks"]
    ]


async def drive_async(driver: Driver) -> None:
    async with AsyncScheduler(*driver.arguments()) as scheduler:

        async def react(event: Event) -> str | None:
            for action in driver.actions(event):
                await asyncio.sleep(action.get("pauseMs", 0) / 1000)
                if "end" in action:
                    return action["end"]
                if "call" in action:
                    record: dict[str, Any] = {"call": action["call"], "error": None, "result": None}
                    driver.calls.append(record)
                    try:
                        record["result"] = printed_result(action["call"], await send(scheduler, action, event))
                    except BridgeError as error:
                        record["error"] = printed_error(error)
            return None

        try:
            async for event in scheduler:
                end = await react(event)
                if end == "handled":
                    await scheduler.handled(event)
                if end is not None:
                    break
        except BridgeError as error:
            driver.error = printed_error(error)


def drive_blocking(driver: Driver) -> None:
    with Scheduler(*driver.arguments()) as scheduler:

        def react(event: Event) -> str | None:
            for action in driver.actions(event):
                time.sleep(action.get("pauseMs", 0) / 1000)
                if "end" in action:
                    return action["end"]
                if "call" in action:
                    record: dict[str, Any] = {"call": action["call"], "error": None, "result": None}
                    driver.calls.append(record)
                    try:
                        record["result"] = printed_result(action["call"], send(scheduler, action, event))
                    except BridgeError as error:
                        record["error"] = printed_error(error)
            return None

        try:
            for event in scheduler:
                end = react(event)
                if end == "handled" and owed_token(event) is not None:
                    scheduler.handled(event)
                if end is not None:
                    break
        except BridgeError as error:
            driver.error = printed_error(error)


def print_answer(run: int, output: dict[str, Any]) -> None:
    """Prints a line as one write: runs end side by side."""
    sys.stdout.write(json.dumps({"run": run} | output) + "\n")
    sys.stdout.flush()


async def answer_async(line: str) -> None:
    driver = Driver(json.loads(line))
    try:
        await drive_async(driver)
    except ValueError as refused:
        print_answer(driver.given["run"], {"failure": str(refused)})
    except Exception:
        print_answer(driver.given["run"], {"failure": traceback.format_exc()})
    else:
        print_answer(driver.given["run"], driver.output())


async def run_async() -> None:
    async with asyncio.TaskGroup() as runs:
        while line := await asyncio.to_thread(sys.stdin.readline):
            runs.create_task(answer_async(line))


def answer_blocking(line: str) -> None:
    driver = Driver(json.loads(line))
    try:
        drive_blocking(driver)
    except ValueError as refused:
        print_answer(driver.given["run"], {"failure": str(refused)})
    except Exception:
        print_answer(driver.given["run"], {"failure": traceback.format_exc()})
    else:
        print_answer(driver.given["run"], driver.output())


def run_blocking() -> None:
    for line in sys.stdin:
        threading.Thread(target=answer_blocking, args=[line]).start()


def main() -> None:
    if "--blocking" in sys.argv[1:]:
        run_blocking()
    else:
        asyncio.run(run_async())


if __name__ == "__main__":
    main()
