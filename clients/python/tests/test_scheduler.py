import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from bridge import opened, serving, update

from mesos.v1.mesos_pb2 import FrameworkInfo
from mesosbridge import AsyncScheduler, BridgeError, Options, Scheduler, Update

FAST = Options(backoff_initial=0.001)


async def two_updates(request, context):
    yield opened("a1")
    yield update(1, "t1", "k1")
    yield update(2, "t2", "k2")
    await asyncio.Event().wait()


async def silence(request, context):
    await asyncio.Event().wait()
    yield


def test_leaving_the_loop_leaves_the_last_update() -> None:
    async def main() -> list[str]:
        async with serving(two_updates) as (bridge, address):
            async with AsyncScheduler(address, "test", options=FAST) as scheduler:
                async for event in scheduler:
                    if isinstance(event, Update) and event.ack_token == "k2":
                        break
            return bridge.acknowledged

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["k1"]


def test_the_blocking_scheduler_leaves_it_too() -> None:
    def drive(address: str) -> None:
        with Scheduler(address, "test", options=FAST) as scheduler:
            for event in scheduler:
                if isinstance(event, Update) and event.ack_token == "k2":
                    break

    async def main() -> list[str]:
        async with serving(two_updates) as (bridge, address):
            with ThreadPoolExecutor(1) as pool:
                await asyncio.get_running_loop().run_in_executor(pool, drive, address)
            return bridge.acknowledged

    assert asyncio.run(asyncio.wait_for(main(), 10)) == ["k1"]


def test_it_gives_up_with_the_last_error() -> None:
    async def closed(request, context):
        await context.abort(grpc.StatusCode.UNAVAILABLE, "closed for today")
        yield

    async def main() -> None:
        async with serving(closed) as (_, address):
            options = Options(backoff_initial=0.001, give_up_after=0.05)
            async with AsyncScheduler(address, "test", options=options) as scheduler:
                async for _ in scheduler:
                    pass

    with pytest.raises(BridgeError, match="closed for today") as caught:
        asyncio.run(asyncio.wait_for(main(), 10))
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE


def test_closing_ends_the_events_and_the_calls() -> None:
    async def main() -> None:
        async with serving(silence) as (_, address):
            scheduler = AsyncScheduler(address, "test", options=FAST)
            call = asyncio.create_task(scheduler.revive_offers())
            await asyncio.sleep(0)
            await scheduler.close(0)
            assert [event async for event in scheduler] == []
            with pytest.raises(BridgeError):
                await call

    asyncio.run(asyncio.wait_for(main(), 10))


def test_the_thread_ends_with_the_blocking_scheduler() -> None:
    before = threading.active_count()
    scheduler = Scheduler("127.0.0.1:1", "test", options=FAST)
    scheduler.close()
    assert threading.active_count() == before
    with pytest.raises(BridgeError):
        scheduler.revive_offers()


@pytest.mark.parametrize("bridge", ["", "nonsense", "http://127.0.0.1:1/", "a:1,", "a:port", "unix:"])
def test_what_is_not_an_address_is_refused(bridge: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT or unix:/PATH"):
        AsyncScheduler(bridge, "test")


@pytest.mark.parametrize(
    ("name", "info", "options"),
    [("", None, None), ("x", FrameworkInfo(), None), ("x", None, Options(expiry="never"))],
)
def test_arguments_that_cannot_be_are_named(name: str, info: FrameworkInfo | None, options: Options | None) -> None:
    with pytest.raises(ValueError, match=r"framework_name|framework_info\.user|expiry"):
        AsyncScheduler("b:1", name, info, options)
