"""TLS to the bridge."""

from __future__ import annotations

import os
import ssl
import tempfile
from dataclasses import dataclass, field

import grpc

Pem = bytes | str | os.PathLike[str]
"""The bytes, or the path of a file."""


@dataclass(frozen=True, kw_only=True)
class Tls:
    """Given at all, the bridge is reached by TLS, but for Unix sockets. Files are read when the scheduler is made."""

    ca: Pem | None = None
    """The authorities that the bridge's certificate may be of. None: those of the system."""
    cert: Pem | None = None
    """The client's certificate, and what leads from it to its authority. Needs `key`."""
    key: Pem | None = field(default=None, repr=False)
    """The key of the client's certificate, not encrypted."""
    server_name: str | None = None
    """The name that the bridge's certificate is for, if that is not the host of its address."""


class TlsClient:
    """Options that were read and fit together. Raises ValueError, naming the option, if they do not."""

    def __init__(self, options: Tls) -> None:
        if (options.cert is None) != (options.key is None):
            missing = "key" if options.key is None else "cert"
            raise ValueError(f"tls.{missing} is missing: tls.cert and tls.key go together")
        ca, self._cert, self._key = (_pem(name, getattr(options, name)) for name in ("ca", "cert", "key"))
        self.server_name = options.server_name
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        """The same for connections that are not gRPC's."""
        self.context.set_alpn_protocols(["h2"])
        if ca is None:
            self.context.load_default_certs()
            # Of gRPC's own, where the system has none that Python finds.
            self._roots = "".join(map(ssl.DER_cert_to_PEM_cert, self.context.get_ca_certs(binary_form=True))).encode()
        else:
            _trust(self.context, ca)
            self._roots = ca
        if self._cert is not None and self._key is not None:
            _prove(self.context, self._cert, self._key)

    @property
    def has_certificate(self) -> bool:
        return self._cert is not None

    @property
    def credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self._roots or None, self._key, self._cert)

    @property
    def channel_options(self) -> list[tuple[str, str]]:
        if self.server_name is None:
            return []
        return [("grpc.ssl_target_name_override", self.server_name), ("grpc.default_authority", self.server_name)]


def _pem(name: str, given: Pem | None) -> bytes | None:
    if given is None:
        return None
    if isinstance(given, bytes):
        content, source = given, "it"
    else:
        try:
            with open(given, "rb") as file:
                content = file.read()
        except OSError as error:
            raise ValueError(f"tls.{name}: can't read {os.fspath(given)}: {error.strerror}") from None
        source = os.fspath(given)
    what = "private key" if name == "key" else "certificate"
    if f"{what.upper()}-----".encode() not in content:
        raise ValueError(f"tls.{name}: {source} should have a {what} in PEM")
    if name == "key" and b"ENCRYPTED" in content:
        raise ValueError(f"tls.key: {source} is encrypted: give a key without a passphrase")
    return content


def _trust(context: ssl.SSLContext, ca: bytes) -> None:
    try:
        context.load_verify_locations(cadata=ca.decode("ascii", "replace"))
    except ssl.SSLError as error:
        raise ValueError(f"tls.ca can't be used: {error.reason or error}") from None


def _prove(context: ssl.SSLContext, cert: bytes, key: bytes) -> None:
    # OpenSSL reads these from files only; they are for this user, and gone when they were read.
    with tempfile.NamedTemporaryFile() as cert_file, tempfile.NamedTemporaryFile() as key_file:
        for file, content in ((cert_file, cert), (key_file, key)):
            file.write(content)
            file.flush()
        try:
            context.load_cert_chain(cert_file.name, key_file.name)
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ValueError("tls.key is not the key of the certificate in tls.cert") from None
            raise ValueError(f"tls.cert and tls.key can't be used: {error.reason or error}") from None
