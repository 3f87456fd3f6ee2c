"""Tells why there is no TLS connection to an address. gRPC itself often says no more than that it was closed."""

from __future__ import annotations

import asyncio
import ssl

import grpc

from .errors import BridgeError
from .stranger import host_and_port, is_http2, shown_by_answer
from .tls import TlsClient

# How long an answer may take. A bridge, and most others, answer at once.
_PATIENCE = 2.0
# OpenSSL's numbers of what is wrong with a certificate.
_NOT_YET_VALID, _EXPIRED, _OTHER_HOST, _OTHER_IP = 9, 10, 62, 64
# Its names of what the bridge says of the client's certificate.
_ALERTS = {
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it has expired",
    "TLSV1_ALERT_UNKNOWN_CA": "it is of an authority that the bridge does not trust",
}


async def with_tls_trouble(error: BridgeError, address: str, tls: TlsClient) -> BridgeError:
    """The error of a failed attempt to attach, with what is wrong with TLS there."""
    text = shown_by_answer(error)
    if text is not None:
        return BridgeError(error.code, f"{address} {text}")
    found = host_and_port(address)
    if found is None or "refused" in error.message:
        return error
    text = await _trouble(*found, tls)
    return error if text is None else BridgeError(grpc.StatusCode.UNAVAILABLE, f"{address}: {text}")


async def _trouble(host: str, port: int, tls: TlsClient) -> str | None:
    """Makes a connection as gRPC does. None if that works, or if the address can't be reached."""
    name = tls.server_name or host
    writer: asyncio.StreamWriter | None = None
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(host, port, ssl=tls.context, server_hostname=name)
            # The bridge says now what it thinks of the client's certificate, or its settings.
            return None if await reader.read(1) else _refused(tls, "")
    except ssl.SSLCertVerificationError as wrong:
        return _wrong_certificate(wrong, name)
    except ssl.SSLError as wrong:
        if "ALERT" in (wrong.reason or "") and "VERSION" not in wrong.reason:
            return _refused(tls, wrong.reason)
        return await _without_tls(host, port, f"no TLS connection: {wrong.reason or wrong}")
    except ConnectionResetError:
        return await _without_tls(host, port, _refused(tls, ""))
    except (OSError, TimeoutError):
        return None
    finally:
        if writer is not None:
            writer.transport.abort()


def _wrong_certificate(wrong: ssl.SSLCertVerificationError, name: str) -> str:
    if wrong.verify_code == _EXPIRED:
        return "the bridge's certificate has expired"
    if wrong.verify_code == _NOT_YET_VALID:
        return "the bridge's certificate is not valid yet: compare the clocks"
    if wrong.verify_code in (_OTHER_HOST, _OTHER_IP):
        return f"the bridge's certificate is not for {name}: set tls.server_name to a name that it is for"
    return f"the bridge's certificate is of an authority that is not trusted: set tls.ca ({wrong.verify_message})"


def _refused(tls: TlsClient, alert: str) -> str:
    if not tls.has_certificate:
        return "the bridge wants a client certificate: set tls.cert and tls.key"
    why = _ALERTS.get(alert, "it may have expired, or be of an authority that the bridge does not trust")
    return f"the bridge refuses the client certificate: {why}"


async def _without_tls(host: str, port: int, otherwise: str) -> str:
    return "the server does not speak TLS: leave Options.tls out" if await is_http2(host, port) else otherwise
