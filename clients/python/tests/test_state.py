import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from bridge import opened, serving

from mesosbridge import AsyncScheduler, BridgeError, Options, Scheduler, reasons
from mesosbridge.v1.scheduler_pb2 import StateEntry

FAST = Options(backoff_initial=0.001)


async def attached(request, context):
    yield opened("a1")
    await asyncio.Event().wait()


def test_what_is_written_is_read_until_it_is_deleted() -> None:
    def drive(address: str) -> None:
        with Scheduler(address, "test", options=FAST) as scheduler:
            assert scheduler.get_state("a") is None
            version = scheduler.put_state("a", b"\x00\xff", if_version=0)
            assert scheduler.get_state("a") == StateEntry(key="a", value=b"\x00\xff", version=version)
            with pytest.raises(BridgeError) as raised:
                scheduler.put_state("a", b"", if_version=0)
            assert raised.value.reason == reasons.STATE_CHANGED
            scheduler.delete_state("a")
            assert scheduler.get_state("a") is None

    async def main() -> None:
        async with serving(attached) as (_, address):
            with ThreadPoolExecutor(1) as pool:
                await asyncio.get_running_loop().run_in_executor(pool, drive, address)

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_list_has_all_pages() -> None:
    async def main() -> None:
        async with (
            serving(attached) as (bridge, address),
            AsyncScheduler(address, "test", options=FAST) as scheduler,
        ):
            for key in ("jobs/2", "other", "jobs/1"):
                await scheduler.put_state(key, b"")
            assert [entry.key for entry in await scheduler.list_state("jobs/")] == ["jobs/1", "jobs/2"]
            assert [entry.key for entry in await scheduler.list_state()] == ["jobs/1", "jobs/2", "other"]
            assert set(bridge.page_sizes) == {1_000}

    asyncio.run(asyncio.wait_for(main(), 10))


def test_a_write_without_an_answer_is_made_again() -> None:
    async def main() -> None:
        async with (
            serving(attached) as (bridge, address),
            AsyncScheduler(address, "test", options=FAST) as scheduler,
        ):
            bridge.lost_answers = 1
            assert await scheduler.put_state("a", b"") == 2
            assert len(set(bridge.writes)) == 2
            bridge.lost_answers = 1
            # The first try has changed the version: nothing tells whose write that was.
            with pytest.raises(BridgeError) as raised:
                await scheduler.put_state("a", b"", if_version=2)
            assert raised.value.reason == reasons.OUTCOME_UNKNOWN

    asyncio.run(asyncio.wait_for(main(), 10))
