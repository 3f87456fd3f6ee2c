"""What a scheduler sees. Classes may be added: ignore those that you don't know."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import ClassVar

from google.protobuf.duration_pb2 import Duration

from mesos.v1 import mesos_pb2
from mesos.v1.scheduler import scheduler_pb2 as mesos_scheduler_pb2

from .errors import BridgeError
from .v1 import scheduler_pb2


@dataclass(kw_only=True)
class Event:
    """The base of all events."""

    kind: ClassVar[str] = ""


@dataclass(kw_only=True)
class SessionEvent(Event):
    """What all events of the session have."""

    sequence: int
    """Contiguous within a session as long as the bridge runs. Snapshot events repeat the last live one."""
    receive_time: datetime | None = None
    """When the bridge received or made it."""
    ack_token: str | None = None
    """Set when an acknowledgement is owed."""


@dataclass(kw_only=True)
class Opened(SessionEvent):
    """The attachment stands. With `resumed`, what was missed follows; else forget all offers: a snapshot follows."""

    kind: ClassVar[str] = "opened"
    attachment_id: str
    framework_id: str | None = None
    """The id of the framework: the bridge always sends it."""
    resumed: bool = False
    lease: float = 0.0
    """How long the session outlives its client, in seconds."""
    framework_info: mesos_pb2.FrameworkInfo | None = None
    """As sent to Mesos, with the bridge's defaults filled in; `defaulted_fields` names those."""
    defaulted_fields: list[str] = field(default_factory=list)
    linked: bool = False
    """Whether the bridge is subscribed to a master at this moment."""
    progress_interval: float = 0.0


@dataclass(kw_only=True)
class Standby(SessionEvent):
    """With `Options.standby`: this scheduler waits, since another one of the framework may be active. `Opened` comes
    when it has taken over."""

    kind: ClassVar[str] = "standby"
    framework_id: str | None = None
    """The id of the framework: the bridge always sends it."""
    linked: bool = False
    """Whether the bridge is subscribed to a master at this moment."""
    progress_interval: float = 0.0


@dataclass(kw_only=True)
class Subscribed(SessionEvent):
    """The bridge subscribed to a master. Offers from before are void."""

    kind: ClassVar[str] = "subscribed"
    framework_id: str | None
    master_info: mesos_pb2.MasterInfo


@dataclass(kw_only=True)
class Offers(SessionEvent):
    """Offers, handed out as they come; with `fragment`, more pieces of the same Mesos event follow."""

    kind: ClassVar[str] = "offers"
    offers: list[mesos_pb2.Offer]
    fragment: bool = False


@dataclass(kw_only=True)
class Rescind(SessionEvent):
    """An offer is void."""

    kind: ClassVar[str] = "rescind"
    offer_id: str


@dataclass(kw_only=True)
class InverseOffers(SessionEvent):
    """Inverse offers ask for resources back, for maintenance."""

    kind: ClassVar[str] = "inverse-offers"
    inverse_offers: list[mesos_pb2.InverseOffer]


@dataclass(kw_only=True)
class RescindInverseOffer(SessionEvent):
    """An inverse offer is void."""

    kind: ClassVar[str] = "rescind-inverse-offer"
    inverse_offer_id: str


@dataclass(kw_only=True)
class Update(SessionEvent):
    """The state of a task. The same may come more than once. A state that this version does not know is not set."""

    kind: ClassVar[str] = "update"
    status: mesos_pb2.TaskStatus


@dataclass(kw_only=True)
class OperationUpdate(SessionEvent):
    """The state of an operation."""

    kind: ClassVar[str] = "operation-update"
    status: mesos_pb2.OperationStatus


@dataclass(kw_only=True)
class Message(SessionEvent):
    """Bytes from an executor."""

    kind: ClassVar[str] = "message"
    agent_id: str
    executor_id: str
    data: bytes


@dataclass(kw_only=True)
class Failure(SessionEvent):
    """An agent is lost, or an executor has ended: then `status` is the raw wait status."""

    kind: ClassVar[str] = "failure"
    agent_id: str | None
    executor_id: str | None
    status: int | None


@dataclass(kw_only=True)
class MesosError(SessionEvent):
    """Mesos's own ERROR. The stream ends after it."""

    kind: ClassVar[str] = "mesos-error"
    message: str


@dataclass(kw_only=True)
class LinkChanged(SessionEvent):
    """The master was lost (`linked` false), found or changed. Offers from before are void."""

    kind: ClassVar[str] = "link-changed"
    linked: bool
    reason: str
    """For people."""
    master: str
    """As host:port."""


@dataclass(kw_only=True)
class Tasks(SessionEvent):
    """Tasks that have not ended, or whose end is not acknowledged: part of the snapshot, before its offers.

    Several of these events may come. Each task has the `cookie` of its launch. With `unconfirmed` it is not known
    whether Mesos has the task: an update will tell.
    """

    kind: ClassVar[str] = "tasks"
    tasks: list[scheduler_pb2.OpenTask]


@dataclass(kw_only=True)
class SnapshotEnd(SessionEvent):
    """All that was open when it attached has been handed out."""

    kind: ClassVar[str] = "snapshot-end"


@dataclass(kw_only=True)
class Detached(Event):
    """The stream broke, or could not be opened. The scheduler attaches again by itself after `retry_in` seconds."""

    kind: ClassVar[str] = "detached"
    error: BridgeError
    attempt: int
    """1 for the first failure in a row."""
    retry_in: float


@dataclass(kw_only=True)
class Gap(Event):
    """Events are missing: reconcile what matters."""

    kind: ClassVar[str] = "gap"
    missing: int


@dataclass(kw_only=True)
class AcknowledgementRefused(Event):
    """The bridge refused an acknowledgement for good. Mesos sends the update again."""

    kind: ClassVar[str] = "acknowledgement-refused"
    ack_token: str
    error: BridgeError


def owed_token(event: Event) -> str | None:
    """The acknowledgement that is owed for an event."""
    return event.ack_token if isinstance(event, Update | OperationUpdate) else None


def event_of(event: scheduler_pb2.SessionEvent) -> SessionEvent | None:
    """The event as a scheduler sees it; None for signs of life and for what this version does not know."""
    base = {
        "sequence": event.sequence,
        "receive_time": event.receive_time.ToDatetime(UTC) if event.HasField("receive_time") else None,
        "ack_token": event.ack_token or None,
    }
    match event.WhichOneof("event"):
        case "opened" if event.opened.role == scheduler_pb2.ATTACHMENT_ROLE_STANDBY:
            return _standby(event.opened, base)
        case "opened":
            return _opened(event.opened, base)
        case "promoted":
            return _opened(event.promoted.opened, base)
        case "mesos":
            return _mesos(event.mesos, event.fragment, base)
        case "progress" if event.progress.snapshot_end:
            return SnapshotEnd(**base)
        case "tasks":
            return Tasks(tasks=list(event.tasks.tasks), **base)
        case "link_changed":
            change = event.link_changed
            linked = change.state == scheduler_pb2.LINK_STATE_CONNECTED
            return LinkChanged(linked=linked, reason=change.reason, master=change.master, **base)
    return None


def _opened(opened: scheduler_pb2.Opened, base: dict) -> Opened:
    return Opened(
        attachment_id=opened.attachment_id,
        framework_id=opened.framework_id.value or None,
        resumed=opened.resumed,
        lease=_seconds(opened.lease),
        framework_info=opened.framework_info if opened.HasField("framework_info") else None,
        defaulted_fields=list(opened.defaulted_fields),
        linked=opened.link_state == scheduler_pb2.LINK_STATE_CONNECTED,
        progress_interval=_seconds(opened.progress_interval),
        **base,
    )


def _standby(opened: scheduler_pb2.Opened, base: dict) -> Standby:
    return Standby(
        framework_id=opened.framework_id.value or None,
        linked=opened.link_state == scheduler_pb2.LINK_STATE_CONNECTED,
        progress_interval=_seconds(opened.progress_interval),
        **base,
    )


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _mesos(event: mesos_scheduler_pb2.Event, fragment: bool, base: dict) -> SessionEvent | None:
    types = mesos_scheduler_pb2.Event
    match event.type:
        case types.SUBSCRIBED:
            framework_id = event.subscribed.framework_id.value or None
            return Subscribed(framework_id=framework_id, master_info=event.subscribed.master_info, **base)
        case types.OFFERS:
            return Offers(offers=list(event.offers.offers), fragment=fragment, **base)
        case types.RESCIND:
            return Rescind(offer_id=event.rescind.offer_id.value, **base)
        case types.INVERSE_OFFERS:
            return InverseOffers(inverse_offers=list(event.inverse_offers.inverse_offers), **base)
        case types.RESCIND_INVERSE_OFFER:
            inverse_offer_id = event.rescind_inverse_offer.inverse_offer_id.value
            return RescindInverseOffer(inverse_offer_id=inverse_offer_id, **base)
        case types.UPDATE if event.update.HasField("status"):
            return Update(status=event.update.status, **base)
        case types.UPDATE_OPERATION_STATUS if event.update_operation_status.HasField("status"):
            return OperationUpdate(status=event.update_operation_status.status, **base)
        case types.MESSAGE:
            message = event.message
            ids = {"agent_id": message.agent_id.value, "executor_id": message.executor_id.value}
            return Message(data=message.data, **ids, **base)
        case types.FAILURE:
            return Failure(
                agent_id=event.failure.agent_id.value or None,
                executor_id=event.failure.executor_id.value or None,
                status=event.failure.status if event.failure.HasField("status") else None,
                **base,
            )
        case types.ERROR:
            return MesosError(message=event.error.message, **base)
    return None
