"""The one error that calls and events end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from . import reasons

_DOMAIN = "mesosbridge"
_DETAILS_KEY = "grpc-status-details-bin"

# The connection failed in one of these ways when the server gave no reason of its own.
_TRANSPORT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)


@dataclass(frozen=True)
class FieldViolation:
    """What is wrong with which field of a request."""

    field: str
    description: str


@dataclass(eq=False)
class BridgeError(Exception):
    """Told apart by `reason`, such as `reasons.OFFER_GONE`.

    `reason` is empty when the connection failed, or a proxy answered. A newer bridge may give one that `reasons` does
    not have.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    field_violations: Sequence[FieldViolation] = ()
    retry_delay: float = 0.0
    """How long the bridge asks to wait before the next try, in seconds; 0 if it does not ask."""

    def __str__(self) -> str:
        wrong = [f"{v.field}: {v.description}" for v in self.field_violations if v.field not in self.message]
        text = self.message + (f" ({'; '.join(wrong)})" if wrong else "")
        return text if not self.reason or self.reason in text else f"{text} ({self.reason})"

    @property
    def retryable(self) -> bool:
        """True when the same may succeed later, and repeating it (with the same request id) does no harm."""
        if not self.reason:
            return self.code in _TRANSPORT
        return self.reason in reasons.LATER or (self.code == grpc.StatusCode.UNAVAILABLE and not self.outcome_unknown)

    @property
    def outcome_unknown(self) -> bool:
        """True when Mesos may or may not have got the call: reconcile before doing it again."""
        return self.reason == reasons.OUTCOME_UNKNOWN or (not self.reason and self.code in _TRANSPORT)

    @property
    def stale(self) -> bool:
        """True where the bridge does not know the attachment of a call: another attachment helps."""
        return self.reason in reasons.ATTACHED


def bridge_error(error: grpc.aio.AioRpcError) -> BridgeError:
    """The error with its google.rpc details."""
    found: dict[str, Any] = {}
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            found = _details(value)
    return BridgeError(error.code(), error.details() or error.code().name, **found)


def _details(value: bytes) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        for detail in status_pb2.Status.FromString(value).details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
                if info.domain == _DOMAIN:
                    found |= {"reason": info.reason, "metadata": dict(info.metadata)}
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                wrong = error_details_pb2.BadRequest.FromString(detail.value).field_violations
                found["field_violations"] = tuple(FieldViolation(v.field, v.description) for v in wrong)
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                delay = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay
                found["retry_delay"] = delay.seconds + delay.nanos / 1e9
    except DecodeError:
        # A proxy may have put something else there; that must not hide the error itself.
        return found
    return found
