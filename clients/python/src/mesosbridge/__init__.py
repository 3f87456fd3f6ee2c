"""Drives a Mesos framework through the Mesos bridge.

`Scheduler` blocks, `AsyncScheduler` is for asyncio; both attach to the bridge, hand out typed events, and attach again
whenever their stream breaks. The messages are the generated ones: `mesos.v1.mesos_pb2`, `mesosbridge.v1.scheduler_pb2`.
"""

from . import reasons
from .aio import AsyncScheduler
from .errors import BridgeError
from .events import (
    AcknowledgementRefused,
    Detached,
    Event,
    Failure,
    Gap,
    InverseOffers,
    LinkChanged,
    MesosError,
    Message,
    Offers,
    Opened,
    OperationUpdate,
    Rescind,
    RescindInverseOffer,
    SnapshotEnd,
    Standby,
    Subscribed,
    Tasks,
    Update,
)
from .options import Options
from .outcome import describe, task_outcome
from .resources import ResourcePool
from .scheduler import Scheduler
from .tls import Tls
from .tokens import token_file

__version__ = "0.1.0"

__all__ = [
    "AcknowledgementRefused",
    "AsyncScheduler",
    "BridgeError",
    "Detached",
    "Event",
    "Failure",
    "Gap",
    "InverseOffers",
    "LinkChanged",
    "MesosError",
    "Message",
    "Offers",
    "Opened",
    "OperationUpdate",
    "Options",
    "Rescind",
    "RescindInverseOffer",
    "ResourcePool",
    "Scheduler",
    "SnapshotEnd",
    "Standby",
    "Subscribed",
    "Tasks",
    "Tls",
    "Update",
    "describe",
    "reasons",
    "task_outcome",
    "token_file",
]
