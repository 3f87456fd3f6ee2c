"""The token that says who calls."""

from __future__ import annotations

import asyncio
import inspect
import ipaddress
import os
import re
from collections.abc import Awaitable, Callable, Sequence

import grpc

from . import reasons
from .errors import BridgeError

FreshToken = Callable[[], "str | Awaitable[str]"]
"""Gives a token each time it is called, for one stream or call. One that is not async runs in a thread of its own."""

# RFC 6750, and what else HTTP takes.
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SHAPE = "should be visible ASCII, without spaces or line breaks"


def token_file(path: str | os.PathLike[str]) -> FreshToken:
    """A token for `Options.token` that is read from a file for each stream and call."""

    def read() -> str:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()

    return read


def check_token_file(path: str | os.PathLike[str]) -> None:
    """Raises ValueError if no token can be read there now."""
    try:
        token = token_file(path)()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"the token file {os.fspath(path)} can't be read: {error}") from None
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"the token file {os.fspath(path)} holds what can't be a token: it {_SHAPE}")


class Tokens:
    """Gives the token of `Options.token`. Raises ValueError, without its text, for one that can't be."""

    def __init__(self, given: str | FreshToken) -> None:
        if isinstance(given, str) and not _TOKEN.fullmatch(given):
            raise ValueError(f"token {_SHAPE}")
        self._given = given

    @property
    def fresh(self) -> bool:
        """True if another try may have another token."""
        return not isinstance(self._given, str)

    async def header(self) -> tuple[str, str]:
        """What goes with a stream or call. Raises BridgeError, which may be retried, if the function fails."""
        return ("authorization", f"Bearer {await self._token()}")

    async def _token(self) -> str:
        if isinstance(self._given, str):
            return self._given
        try:
            token = await _called(self._given)
        except Exception as error:
            raise _none(f"there is no token: {error or type(error).__name__}") from error
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise _none(f"the function that gives tokens gave what can't be one: a token {_SHAPE}")
        return token


async def _called(function: FreshToken) -> str:
    given = function() if inspect.iscoroutinefunction(function) else await asyncio.to_thread(function)
    return await given if inspect.isawaitable(given) else given


def _none(text: str) -> BridgeError:
    return BridgeError(grpc.StatusCode.UNAVAILABLE, text, reasons.NOT_SENT)


def check_plain_text(bridge: str, proxy: str | None) -> None:
    """Raises ValueError if what goes to the bridge in plain text leaves this host.

    Args:
        bridge: its address
        proxy: the address of the proxy on the way, if there is one
    """
    for address in filter(None, (bridge, proxy)):
        if not is_local(address):
            raise ValueError(
                f"token would go to {address} in plain text: use Options.tls, or an address of this host, such as "
                "127.0.0.1:50051 or unix:/path"
            )


def is_unix(address: str) -> bool:
    return address.startswith("unix:")


def is_local(address: str) -> bool:
    """True for a Unix socket, and for HOST:PORT with a loopback address or localhost."""
    if is_unix(address):
        return True
    host = address.rpartition(":")[0].strip("[]").lower()
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_unary_unary(self, continuation, client_call_details, request):
        return await continuation(await _with_token(client_call_details, self._tokens), request)


class _UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_unary_stream(self, continuation, client_call_details, request):
        return await continuation(await _with_token(client_call_details, self._tokens), request)


class _StreamStream(grpc.aio.StreamStreamClientInterceptor):
    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def intercept_stream_stream(self, continuation, client_call_details, request_iterator):
        return await continuation(await _with_token(client_call_details, self._tokens), request_iterator)


async def _with_token(details: grpc.aio.ClientCallDetails, tokens: Tokens) -> grpc.aio.ClientCallDetails:
    metadata = grpc.aio.Metadata(*(details.metadata or ()), await tokens.header())
    return details._replace(metadata=metadata)


def interceptors(tokens: Tokens | None) -> Sequence[grpc.aio.ClientInterceptor]:
    """What puts the token into all streams and calls of a channel."""
    return [kind(tokens) for kind in (_UnaryUnary, _UnaryStream, _StreamStream)] if tokens is not None else []
