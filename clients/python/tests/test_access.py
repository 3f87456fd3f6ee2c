import asyncio
from pathlib import Path

import grpc
import pytest
from bridge import serving

from mesosbridge import AsyncScheduler, BridgeError, Options, Tls, token_file
from mesosbridge.tokens import is_local


def test_options_show_no_secret() -> None:
    options = Options(token="a-secret", tls=Tls(cert="c.pem", key=b"a-secret"), proxy="http://me:a-secret@proxy:1")
    assert "secret" not in repr(options)


def test_the_environment_names_files(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("first\n")
    variables = {
        "MESOS_BRIDGE_CA": "ca.pem",
        "MESOS_BRIDGE_CERT": "cert.pem",
        "MESOS_BRIDGE_KEY": "key.pem",
        "MESOS_BRIDGE_TOKEN_FILE": str(file),
    }
    options = Options.from_environment(variables, lease=5)
    assert (options.tls, options.lease) == (Tls(ca="ca.pem", cert="cert.pem", key="key.pem"), 5)
    assert options.token() == "first"
    file.write_text("second\n")
    assert options.token() == "second"
    nothing = Options.from_environment({"MESOS_BRIDGE_CA": ""})
    assert (nothing.tls, nothing.token) == (None, None)


@pytest.mark.parametrize("content", [None, "", "two words"])
def test_a_file_without_a_token_is_refused(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=str(file)) as raised:
        Options.from_environment({"MESOS_BRIDGE_TOKEN_FILE": str(file)})
    assert "two words" not in str(raised.value)


def test_a_token_file_that_is_missing_is_named(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")

    async def main() -> str:
        options = Options(token=token_file(missing), give_up_after=0)
        async with AsyncScheduler("127.0.0.1:1", "test", options=options) as scheduler:
            try:
                async for _ in scheduler:
                    pass
            except Exception as error:
                return str(error)
        return ""

    assert missing in asyncio.run(asyncio.wait_for(main(), 10))


def test_a_client_that_nothing_identifies_is_told_what_to_set() -> None:
    async def refuse(request, context):
        await context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you?")
        yield

    async def main(options: Options) -> str:
        async with serving(refuse) as (_, address):
            with pytest.raises(BridgeError) as raised:
                async with AsyncScheduler(address, "test", options=options) as scheduler:
                    await anext(scheduler.events())
            return raised.value.message

    hint = "who are you? (set Options.token, or cert and key of Options.tls)"
    assert asyncio.run(asyncio.wait_for(main(Options()), 10)) == hint
    assert asyncio.run(asyncio.wait_for(main(Options(token="a-secret")), 10)) == "who are you?"


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.1.2.3:1", "[::1]:1", "LocalHost:1", "unix:/a", "unix:a"])
def test_what_is_on_this_host(address: str) -> None:
    assert is_local(address)


@pytest.mark.parametrize("address", ["10.0.0.1:1", "[::]:1", "localhost.example:1", "128.0.0.1:1", "127.0.0.1.a:1", ""])
def test_what_may_be_elsewhere(address: str) -> None:
    assert not is_local(address)
