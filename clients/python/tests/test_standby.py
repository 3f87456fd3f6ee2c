import asyncio
import logging

import grpc
import pytest
from bridge import opened, promoted, serving, standby

from mesosbridge import AsyncScheduler, BridgeError, Detached, Event, Opened, Options, Standby, reasons

STANDBY = Options(backoff_initial=0.001, standby=True)


async def promoted_at_once(request, context):
    yield standby()
    yield promoted("a1")
    await asyncio.Event().wait()


def events_until(
    kind: type, subscribe, options: Options = STANDBY, confirm_error: grpc.StatusCode | None = None
) -> list[Event]:
    seen: list[Event] = []

    async def main() -> None:
        async with serving(subscribe) as (bridge, address):
            bridge.confirm_error = confirm_error
            async with AsyncScheduler(address, "test", options=options) as scheduler:
                async for event in scheduler:
                    seen.append(event)
                    if isinstance(event, kind):
                        return

    asyncio.run(asyncio.wait_for(main(), 10))
    return seen


def test_a_call_goes_out_in_the_term_that_the_program_is_in() -> None:
    called = asyncio.Event()
    over = asyncio.Event()
    streams = 0

    async def subscribe(request, context):
        nonlocal streams
        streams += 1
        yield standby()
        await called.wait()
        yield promoted(f"a{streams}")
        if streams == 1:
            await over.wait()
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        await asyncio.Event().wait()

    async def main() -> None:
        async with (
            serving(subscribe) as (bridge, address),
            AsyncScheduler(address, "test", options=STANDBY) as scheduler,
        ):

            def call() -> asyncio.Task[None]:
                return asyncio.create_task(scheduler.send_message("agent", "executor", b""))

            events = scheduler.events()
            assert isinstance(await anext(events), Standby)
            early = call()
            await asyncio.sleep(0)
            called.set()
            assert isinstance(await anext(events), Opened)
            await early
            over.set()
            await scheduler._attachment.ready("a1")
            # All events of the next term wait already: they are taken before this task gets its turn.
            late = call()
            assert [type(await anext(events)) for _ in range(3)] == [Detached, Standby, Opened]
            with pytest.raises(BridgeError) as raised:
                await late
            assert raised.value.reason == reasons.ATTACHMENT_SUPERSEDED
            await call()
            assert bridge.senders == ["a1", "a2"]

    asyncio.run(asyncio.wait_for(main(), 10))


def test_it_waits_again_after_a_promotion_without_an_answer() -> None:
    kinds = [type(event) for event in events_until(Detached, promoted_at_once, STANDBY, grpc.StatusCode.UNAVAILABLE)]
    assert kinds == [Standby, Detached]


def test_a_promotion_that_it_may_not_have_ends_the_events() -> None:
    with pytest.raises(BridgeError) as raised:
        events_until(Detached, promoted_at_once, STANDBY, grpc.StatusCode.PERMISSION_DENIED)
    assert raised.value.code == grpc.StatusCode.PERMISSION_DENIED


def test_a_promotion_asks_once_for_a_fresh_token() -> None:
    streams = 0

    async def subscribe(request, context):
        nonlocal streams
        streams += 1
        async for response in promoted_at_once(request, context):
            yield response

    options = Options(backoff_initial=0.001, standby=True, token=lambda: "a-token")
    with pytest.raises(BridgeError) as raised:
        events_until(Opened, subscribe, options, grpc.StatusCode.UNAUTHENTICATED)
    assert (raised.value.code, streams) == (grpc.StatusCode.UNAUTHENTICATED, 2)


def test_a_bridge_that_does_not_let_it_wait_is_an_older_one() -> None:
    async def active(request, context):
        yield opened("a1")
        await asyncio.Event().wait()

    with pytest.raises(BridgeError, match="the bridge does not know standby schedulers") as raised:
        events_until(Event, active)
    assert raised.value.code == grpc.StatusCode.UNIMPLEMENTED


def test_it_says_that_another_one_may_be_active(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "mesosbridge"):
        events_until(Opened, promoted_at_once)
    texts = [record.getMessage() for record in caplog.records if record.name == "mesosbridge"]
    assert texts == ["on standby: another scheduler of the framework may be active"]
