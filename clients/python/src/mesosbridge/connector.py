"""The ways to the addresses of a bridge."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import grpc

from .errors import BridgeError
from .options import Options
from .proxy import Route, through_proxy
from .stranger import with_stranger
from .tls import TlsClient
from .tls_trouble import with_tls_trouble
from .tokens import Tokens, check_plain_text, interceptors, is_unix

_ADDRESS = re.compile(r"unix:.+|[^\s,]+:\d{1,5}")


def addresses_of(bridge: str) -> list[str]:
    """The addresses in a text, with commas between them. Raises ValueError if one can't be."""
    addresses = [address.strip() for address in bridge.split(",")]
    if not all(map(_ADDRESS.fullmatch, addresses)):
        raise ValueError("bridge should be HOST:PORT or unix:/PATH, or several of them with commas between them")
    return addresses


class Connector:
    """Connects as the options say. Raises ValueError for options that can't be."""

    def __init__(self, bridge: str, options: Options) -> None:
        if options.tls is not None and options.credentials is not None:
            raise ValueError("tls and credentials: give one of the two")
        self._options = options
        self._addresses = addresses_of(bridge)
        self._tls = None if options.tls is None else TlsClient(options.tls)
        self._tokens = None if options.token is None else Tokens(options.token)
        self._routes = [self._route(address) for address in self._addresses]

    @property
    def gives_fresh_tokens(self) -> bool:
        """True if another try may have another token."""
        return self._tokens is not None and self._tokens.fresh

    def open(self) -> list[grpc.aio.Channel]:
        """A channel to each address. It connects with the first call."""
        return [self._channel(*each) for each in zip(self._addresses, self._routes, strict=True)]

    async def explained(self, error: BridgeError, number: int) -> BridgeError:
        """The error of an attempt to attach at one of the addresses, with what it means."""
        address = self._addresses[number]
        if error.code == grpc.StatusCode.UNAUTHENTICATED and self._is_anonymous:
            hint = "set Options.token, or cert and key of Options.tls"
            return dataclasses.replace(error, message=f"{error.message} ({hint})")
        if error.reason or self._options.proxy is not None or self._options.credentials is not None:
            return error
        if self._tls is not None and not is_unix(address):
            return await with_tls_trouble(error, address, self._tls)
        return await with_stranger(error, address)

    @property
    def _is_anonymous(self) -> bool:
        """True if nothing says who calls, as far as can be seen."""
        has_certificate = self._tls is not None and self._tls.has_certificate
        return self._tokens is None and not has_certificate and self._options.credentials is None

    def _route(self, address: str) -> Route:
        proxy = None if is_unix(address) else self._options.proxy
        route = Route(address) if proxy is None else through_proxy(proxy, address)
        if self._tokens is not None and self._tls is None and self._options.credentials is None:
            check_plain_text(address, None if proxy is None else route.address)
        return route

    def _channel(self, address: str, route: Route) -> grpc.aio.Channel:
        options = [*_channel_options(self._options.max_message_bytes), *route.options]
        credentials = self._options.credentials
        if self._tls is not None and not is_unix(address):
            credentials = self._tls.credentials
            options += self._tls.channel_options
        added = [*self._options.interceptors, *interceptors(self._tokens)]
        if credentials is None:
            return grpc.aio.insecure_channel(route.address, options=options, interceptors=added)
        return grpc.aio.secure_channel(route.address, credentials, options=options, interceptors=added)


def _channel_options(max_message_bytes: int) -> Sequence[tuple[str, int | str]]:
    return [
        # gRPC would take a proxy from the environment, which is meant for the web and seldom knows the way to a bridge.
        ("grpc.enable_http_proxy", 0),
        ("grpc.max_receive_message_length", max_message_bytes),
        ("grpc.max_send_message_length", max_message_bytes),
        ("grpc.keepalive_time_ms", 20_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        # Attaching again has a backoff of its own; the channel's must not come on top of it.
        ("grpc.initial_reconnect_backoff_ms", 100),
        # How long a connection may take to be made, whatever its name says.
        ("grpc.min_reconnect_backoff_ms", 5_000),
        ("grpc.max_reconnect_backoff_ms", 2_000),
        # Each scheduler has a connection of its own.
        ("grpc.use_local_subchannel_pool", 1),
    ]
