import asyncio

import pytest

from mesosbridge import AsyncScheduler, BridgeError, Options
from mesosbridge.proxy import through_proxy


@pytest.mark.parametrize(
    "proxy",
    [
        "",
        "proxy:3128",
        "https://me:secret@proxy:3128",
        "http://",
        "http://me:secret@proxy:3128/path",
        "http://me:secret@proxy:3128?a",
        "http://me:secret@proxy:notaport",
    ],
)
def test_what_is_not_a_proxy_is_refused_and_not_repeated(proxy: str) -> None:
    async def main() -> None:
        AsyncScheduler("127.0.0.1:1", "test", options=Options(proxy=proxy))

    with pytest.raises(ValueError, match="proxy should be http://HOST:PORT") as raised:
        asyncio.run(main())
    assert "secret" not in str(raised.value)


def test_an_ipv6_proxy_and_the_usual_port() -> None:
    route = through_proxy("http://[::1]/", "bridge:1")
    assert route.address == "[::1]:80"
    assert ("grpc.http_connect_server", "bridge:1") in route.options


def test_a_proxy_that_refuses_is_told() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async def main() -> None:
        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            options = Options(proxy=f"http://me:secret@127.0.0.1:{port}", give_up_after=0)
            async with AsyncScheduler("127.0.0.1:1", "test", options=options) as scheduler:
                async for _ in scheduler:
                    pass

    with pytest.raises(BridgeError, match="407") as raised:
        asyncio.run(asyncio.wait_for(main(), 10))
    assert "secret" not in str(raised.value)
