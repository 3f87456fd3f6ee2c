"""How a scheduler attaches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.duration_pb2 import Duration

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2

from .proxy import Route, through_proxy
from .v1 import scheduler_pb2


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
    credentials: grpc.ChannelCredentials | None = None
    """For TLS. None: plain text."""
    proxy: str | None = None
    """An HTTP proxy to reach the bridge through, as `http://[USER:PASSWORD@]HOST:PORT`. None: the environment's
    (`http_proxy` and its like) is not used either."""

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

    def route(self, bridge: str) -> Route:
        """The way to the bridge."""
        return Route(bridge) if self.proxy is None else through_proxy(self.proxy, bridge)

    def channel(self, route: Route) -> grpc.aio.Channel:
        """A channel to the bridge. It connects with the first call."""
        options: list[tuple[str, int | str]] = [
            # gRPC would take a proxy from the environment, which is meant for the web and seldom knows the way to a
            # bridge.
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", self.max_message_bytes),
            ("grpc.max_send_message_length", self.max_message_bytes),
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
        options += route.options
        if self.credentials is None:
            return grpc.aio.insecure_channel(route.address, options=options)
        return grpc.aio.secure_channel(route.address, self.credentials, options=options)
