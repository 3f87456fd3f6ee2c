"""Events as the conformance cases write them: 64-bit numbers as text, bytes in base64, what is not there as None."""

from base64 import b64encode
from typing import Any

from google.protobuf.message import Message as Proto

from mesos.v1 import mesos_pb2
from mesosbridge import BridgeError, Event, events, task_outcome
from mesosbridge.v1 import scheduler_pb2

Printed = dict[str, Any]


def printed_event(event: Event) -> Printed:
    seen: Printed = {"kind": event.kind}
    if isinstance(event, events.SessionEvent):
        seen |= {"sequence": str(event.sequence), "ackToken": event.ack_token}
    return seen | _body(event)


def printed_error(error: BridgeError) -> Printed:
    return {
        "code": error.code.value[0],
        "reason": error.reason,
        "message": error.message,
        "metadata": dict(error.metadata),
        "fields": [{"field": wrong.field, "description": wrong.description} for wrong in error.field_violations],
        "retryDelayMs": round(error.retry_delay * 1000),
        "retryable": error.retryable,
        "outcomeUnknown": error.outcome_unknown,
    }


def printed_entry(entry: scheduler_pb2.StateEntry) -> Printed:
    return {"key": entry.key, "value": b64encode(entry.value).decode(), "version": str(entry.version)}


def _body(event: Event) -> Printed:
    match event:
        case events.Opened():
            return {
                "attachmentId": event.attachment_id,
                "frameworkId": event.framework_id,
                "resumed": event.resumed,
                "linked": event.linked,
                "leaseMs": round(event.lease * 1000),
                "defaultedFields": event.defaulted_fields,
            }
        case events.Standby():
            return {"frameworkId": event.framework_id, "linked": event.linked}
        case events.Subscribed():
            return {"frameworkId": event.framework_id}
        case events.Offers():
            return {"fragment": event.fragment, "offers": [_offer(offer) for offer in event.offers]}
        case events.Rescind():
            return {"offerId": event.offer_id or None}
        case events.InverseOffers():
            return {"ids": [offer.id.value or None for offer in event.inverse_offers]}
        case events.RescindInverseOffer():
            return {"inverseOfferId": event.inverse_offer_id or None}
        case events.Update():
            return _status(event.status)
        case events.OperationUpdate():
            return {
                "operationId": event.status.operation_id.value or None,
                "state": _name(event.status, "state", mesos_pb2.OperationState),
            }
        case events.Message():
            data = b64encode(event.data).decode()
            return {"agentId": event.agent_id or None, "executorId": event.executor_id or None, "data": data}
        case events.Failure():
            return {"agentId": event.agent_id, "executorId": event.executor_id, "status": event.status}
        case events.MesosError():
            return {"message": event.message}
        case events.LinkChanged():
            return {"linked": event.linked, "reason": event.reason, "master": event.master}
        case events.Tasks():
            return {"tasks": [_task(task) for task in event.tasks]}
        case events.Detached():
            return {"attempt": event.attempt, "error": printed_error(event.error)}
        case events.Gap():
            return {"missing": str(event.missing)}
        case events.AcknowledgementRefused():
            return {"ackToken": event.ack_token, "error": printed_error(event.error)}
    return {}


def _status(status: mesos_pb2.TaskStatus) -> Printed:
    # An enum value that the protos do not know is kept among the unknown fields, and the field is not set.
    return {
        "taskId": status.task_id.value or None,
        "state": _name(status, "state", mesos_pb2.TaskState),
        "reason": _name(status, "reason", mesos_pb2.TaskStatus.Reason) if status.HasField("reason") else None,
        "outcome": task_outcome(status),
        "message": _optional(status, "message"),
        "healthy": _optional(status, "healthy"),
        "timestamp": _optional(status, "timestamp"),
        "data": b64encode(status.data).decode() if status.HasField("data") else None,
    }


def _task(task: scheduler_pb2.OpenTask) -> Printed:
    return {
        "taskId": task.task_id.value or None,
        "agentId": task.agent_id.value or None,
        "state": _name(task.status, "state", mesos_pb2.TaskState) if task.HasField("status") else None,
        "cookie": b64encode(task.cookie).decode(),
        "unconfirmed": task.unconfirmed,
    }


def _offer(offer: mesos_pb2.Offer) -> Printed:
    span = None
    if offer.HasField("unavailability"):
        has_duration = offer.unavailability.HasField("duration")
        span = {
            "start": str(offer.unavailability.start.nanoseconds),
            "duration": str(offer.unavailability.duration.nanoseconds) if has_duration else None,
        }
    return {
        "id": offer.id.value or None,
        "agentId": offer.agent_id.value or None,
        "hostname": _optional(offer, "hostname"),
        "resources": [_resource(resource) for resource in offer.resources],
        "textBytes": sum(len(attribute.text.value.encode()) for attribute in offer.attributes),
        "unavailability": span,
    }


def _resource(resource: mesos_pb2.Resource) -> Printed:
    return {
        "name": _optional(resource, "name"),
        "scalar": resource.scalar.value if resource.HasField("scalar") else None,
        "ranges": [{"begin": str(r.begin), "end": str(r.end)} for r in resource.ranges.range],
        "set": list(resource.set.item),
    }


def _optional(message: Proto, field: str) -> Any:
    return getattr(message, field) if message.HasField(field) else None


def _name(message: Proto, field: str, enum: Any) -> str:
    return enum.Name(getattr(message, field)) if message.HasField(field) else "unknown"
