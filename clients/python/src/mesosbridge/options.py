"""How a scheduler attaches."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import grpc
from google.protobuf.duration_pb2 import Duration

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2

from .tls import Tls
from .tokens import FreshToken, check_token_file, token_file
from .v1 import scheduler_pb2

_VARIABLES = ("CA", "CERT", "KEY", "TOKEN_FILE")


def access(ca: str | None, cert: str | None, key: str | None, token: str | None) -> dict[str, Any]:
    """Options of the files that a program is told; None or an empty text where it is not.

    Raises ValueError if there is no token in its file.
    """
    if token:
        check_token_file(token)
    tls = Tls(ca=ca or None, cert=cert or None, key=key or None) if ca or cert or key else None
    return {"tls": tls, "token": token_file(token) if token else None}


@dataclass(kw_only=True)
class Options:
    """All times are in seconds."""

    lease: float | None = None
    """How long the session outlives this client. None: the bridge's default, 60 s."""
    expiry: str = "disconnect"
    """What happens to the framework then: `disconnect` leaves it to Mesos's failover timeout, or `teardown`."""
    suppressed_roles: Sequence[str] = ()
    """Roles for which no offers are wanted yet."""
    offer_constraints: mesos_scheduler_pb2.OfferConstraints | None = None
    """Which agents' offers are wanted, as in Mesos's SUBSCRIBE."""
    replace_removed: bool = False
    """If Mesos has removed the stored framework: continue as a new one. Otherwise the events end, FRAMEWORK_REMOVED."""
    standby: bool = False
    """Wait while another scheduler of this framework is active, and take over when it is gone. Use it in each of
    several instances. False: it takes over at once."""
    backoff_initial: float = 0.1
    """Waits between attachments are random up to a bound that doubles from this one ..."""
    backoff_max: float = 15.0
    """... to this one."""
    give_up_after: float | None = None
    """Gives up when there was no attachment for so long. None: never."""
    call_timeout: float = 30.0
    """Deadline of calls, waiting for an attachment and tries again included."""
    acknowledge: bool = True
    """Acknowledge an update once the next event is asked for. False: call `acknowledge` yourself."""
    max_buffered: int = 256
    """How many events may wait for the consumer before the bridge is made to wait."""
    max_message_bytes: int = 256 * 1024 * 1024
    """A single offer may be larger than the pieces of about 1 MiB, so gRPC's own limit of 4 MiB is not ours."""
    tls: Tls | None = None
    """Reach the bridge by TLS. None: in plain text."""
    token: str | FreshToken | None = field(default=None, repr=False)
    """Says who calls. A function, which may be async, is called for each stream and call; `token_file` makes one that
    reads a file. In plain text it goes to this host only."""
    credentials: grpc.ChannelCredentials | None = None
    """Of gRPC, in place of `tls`."""
    interceptors: Sequence[grpc.aio.ClientInterceptor] = ()
    """Of gRPC, for all streams and calls, such as those of OpenTelemetry: they add the trace that a call belongs to."""
    proxy: str | None = field(default=None, repr=False)
    """An HTTP proxy to reach the bridge through, as `http://[USER:PASSWORD@]HOST:PORT`. None: the environment's
    (`http_proxy` and its like) is not used either."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ, **others: Any) -> Self:
        """With `tls` and `token` as these variables say, which name files: MESOS_BRIDGE_CA, MESOS_BRIDGE_CERT,
        MESOS_BRIDGE_KEY, and MESOS_BRIDGE_TOKEN_FILE, which is read for each stream and call. Raises ValueError if
        there is no token in it.
        """
        return cls(**access(*(environment.get(f"MESOS_BRIDGE_{name}") for name in _VARIABLES)), **others)

    def request(
        self, framework_name: str, framework_info: mesos_pb2.FrameworkInfo | None
    ) -> scheduler_pb2.SubscribeRequest:
        """What to attach with, but for `resume`."""
        if not framework_name:
            raise ValueError("framework_name is required")
        if self.expiry not in ("disconnect", "teardown"):
            raise ValueError(f"expiry is '{self.expiry}': use 'disconnect' or 'teardown'")
        request = scheduler_pb2.SubscribeRequest(
            framework_name=framework_name,
            framework_info=framework_info,
            lease=None if self.lease is None else Duration(nanos=0),
            expiry_policy=scheduler_pb2.ExpiryPolicy.Value(f"EXPIRY_POLICY_{self.expiry.upper()}"),
            suppressed_roles=self.suppressed_roles,
            offer_constraints=self.offer_constraints,
            replace_removed=self.replace_removed,
            mode=scheduler_pb2.SUBSCRIBE_MODE_STANDBY if self.standby else scheduler_pb2.SUBSCRIBE_MODE_UNSPECIFIED,
        )
        if self.lease is not None:
            request.lease.FromMilliseconds(round(self.lease * 1000))
        if framework_info is not None:
            # proto2 sends nothing that lacks a required field.
            if not framework_info.HasField("user"):
                raise ValueError("framework_info.user is required")
            if not framework_info.HasField("name"):
                request.framework_info.name = framework_name
        return request
