"""An HTTP proxy between the scheduler and its bridge."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

_WRONG = "proxy should be http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with both URL-encoded"


@dataclass(frozen=True)
class Route:
    """The way to a bridge."""

    address: str
    """What to connect to, as HOST:PORT."""
    options: Sequence[tuple[str, str]] = ()
    """The channel options that lead from there to the bridge."""


def through_proxy(proxy: str, bridge: str) -> Route:
    """The way through an HTTP proxy.

    Raises ValueError, which does not repeat the text: it may hold a password.
    """
    try:
        url = urlsplit(proxy)
        port = url.port or 80
    except ValueError:
        raise ValueError(_WRONG) from None
    if url.scheme != "http" or not url.hostname or url.path not in ("", "/") or url.query or url.fragment:
        raise ValueError(_WRONG)
    host = f"[{url.hostname}]" if ":" in url.hostname else url.hostname
    options = [("grpc.http_connect_server", bridge), ("grpc.default_authority", bridge)]
    if url.username is not None:
        credentials = unquote_to_bytes(url.username) + b":" + unquote_to_bytes(url.password or "")
        encoded = base64.b64encode(credentials).decode()
        # gRPC puts the space behind the colon.
        options.append(("grpc.http_connect_headers", f"Proxy-Authorization:Basic {encoded}"))
    return Route(f"{host}:{port}", options)
