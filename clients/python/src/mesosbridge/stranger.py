"""Tells what answers at an address where no bridge does."""

from __future__ import annotations

import asyncio

import grpc

from .errors import BridgeError

# How long an answer may take. A bridge, and most others, answer at once.
_PATIENCE = 2.0
# What a client says first in HTTP/2, with empty settings. A bridge answers with its settings.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS = 4
# The least that a client says first in TLS: version 1.2, seven usual ciphers, no session, compression or extension.
_CIPHERS = bytes.fromhex("c02fc030c02bc02c009c002f1301")
_HELLO_BODY = b"\x03\x03" + bytes(32) + b"\0" + b"\0\x0e" + _CIPHERS + b"\x01\0"
_HELLO = b"\x16\x03\x01\0\x39" + b"\x01\0\0\x35" + _HELLO_BODY
# How an answer in TLS begins: an alert, or the handshake.
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


async def with_stranger(error: BridgeError, address: str) -> BridgeError:
    """The error of a failed attempt to attach in plain text, with what answers at the address if that is no bridge."""
    text = shown_by_answer(error)
    if text is not None:
        return BridgeError(error.code, f"{address} {text}")
    found = host_and_port(address)
    if found is None or "refused" in error.message:
        return error
    text = await _found_at(*found)
    return error if text is None else BridgeError(grpc.StatusCode.UNAVAILABLE, f"{address} {text}")


def shown_by_answer(error: BridgeError) -> str | None:
    """What the answer to the call shows of the server, if that is not a bridge."""
    if "http2 header with status" in error.message or "Stream removed (Data frame" in error.message:
        return "is not a Mesos bridge: a web server answers there"
    if error.code == grpc.StatusCode.UNIMPLEMENTED:
        return "is not a Mesos bridge: another gRPC server answers there"
    return None


def host_and_port(address: str) -> tuple[str, int] | None:
    """None for what is not HOST:PORT."""
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() else None


async def is_http2(host: str, port: int) -> bool:
    """True if a server there speaks HTTP/2 in plain text."""
    answer = await _answer(host, port, _PREFACE)
    return answer is not None and _is_settings(answer)


def _is_settings(answer: bytes) -> bool:
    return answer[3:4] == bytes([_SETTINGS])


async def _found_at(host: str, port: int) -> str | None:
    """What asking shows. None if it may be a bridge, or if it does not answer."""
    answer = await _answer(host, port, _PREFACE)
    if answer is None or _is_settings(answer):
        return None
    if answer.startswith(b"HTTP/"):
        return "is not a Mesos bridge: a web server answers there"
    # Most servers that want TLS hang up silently.
    hello = answer if answer.startswith(_TLS_RECORDS) else await _answer(host, port, _HELLO)
    if hello is not None and hello.startswith(_TLS_RECORDS):
        return "speaks TLS: set Options.tls"
    return "is not a Mesos bridge: what answers there speaks another protocol" if answer else None


async def _answer(host: str, port: int, words: bytes) -> bytes | None:
    """The first bytes that come back; empty if the server hangs up, None if it can't be reached or says nothing."""
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(words)
            return await reader.read(9)
    except ConnectionResetError:
        return b""
    except (OSError, TimeoutError):
        return None
    finally:
        if writer is not None:
            writer.close()
