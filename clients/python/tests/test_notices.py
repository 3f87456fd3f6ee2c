import asyncio
import contextlib
import logging

import grpc
import pytest
from bridge import opened, serving, update

import mesosbridge.notices
from mesos.v1 import mesos_pb2
from mesosbridge import AsyncScheduler, BridgeError, Opened, Options, Update, describe


async def attach_until(kind: type, bridge: str, options: Options) -> None:
    async with AsyncScheduler(bridge, "test", options=options) as scheduler:
        async for event in scheduler:
            if isinstance(event, kind):
                return


def texts(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "mesosbridge"]


def test_it_says_once_that_it_waits_for_the_bridge(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        options = Options(backoff_initial=0.001, backoff_max=0.01, give_up_after=0.3)
        with pytest.raises(BridgeError):
            await attach_until(Opened, "127.0.0.1:1", options)

    asyncio.run(asyncio.wait_for(main(), 10))
    [text] = texts(caplog)
    assert text.startswith("not attached to the bridge: ")
    assert "127.0.0.1:1" in text
    assert text.endswith("refused; trying again")


def test_it_says_once_that_it_waits_for_offers(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mesosbridge.notices, "_WAIT_FOR_OFFERS", 0.01)
    streams = 0

    async def no_offers(request, context):
        nonlocal streams
        streams += 1
        yield opened(f"a{streams}")
        if streams == 1:
            await asyncio.sleep(0.2)
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        await asyncio.sleep(0.2)
        yield update(1, "t1", "k1")
        await asyncio.Event().wait()

    async def main() -> None:
        async with serving(no_offers) as (_, address):
            await attach_until(Update, address, Options(backoff_initial=0.001))

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(main(), 10))
    assert [text for text in texts(caplog) if "waiting" in text] == [
        "attached to the bridge, and waiting for a Mesos master, which the bridge does not have yet"
    ]


@contextlib.asynccontextmanager
async def answering(answer: bytes):
    """A server that says this to whoever has said something, and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read(1)
            writer.write(answer)
            await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextlib.asynccontextmanager
async def another_service():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.mark.parametrize(
    ("stranger", "said"),
    [
        (answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "is not a Mesos bridge: a web server answers there"),
        (answering(b"SSH-2.0-OpenSSH_9.2\r\n"), "is not a Mesos bridge: what answers there speaks another protocol"),
        (answering(b"\x15\x03\x03\x00\x02\x02\x46"), "speaks TLS: set Options.tls"),
        (another_service(), "is not a Mesos bridge: another gRPC server answers there"),
    ],
)
def test_what_is_not_a_bridge_is_told_as_such(stranger, said: str) -> None:
    async def main() -> str:
        async with stranger as address:
            with pytest.raises(BridgeError) as raised:
                await attach_until(Opened, address, Options(give_up_after=0))
            return raised.value.message.replace(address, "ADDRESS")

    assert asyncio.run(asyncio.wait_for(main(), 20)) == f"ADDRESS {said}"


def test_a_status_is_told_with_its_task() -> None:
    status = mesos_pb2.TaskStatus(task_id={"value": "t1"}, state=mesos_pb2.TASK_FAILED, message="no")
    assert describe(status) == "t1: TASK_FAILED: no"
