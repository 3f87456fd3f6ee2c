//! Events and errors as the conformance cases write them: 64-bit numbers as text, bytes in base64, what is not there as
//! null.

use std::collections::BTreeMap;

use base64::prelude::{BASE64_STANDARD, Engine};
use mesosbridge::proto::mesos::v1::{Offer, OperationState, Resource, TaskState, TaskStatus, task_status::Reason};
use mesosbridge::proto::mesosbridge::v1::{OpenTask, StateEntry};
use mesosbridge::{Error, Event, Stamp, outcome};
use serde_json::{Value, json};

pub fn printed_entry(entry: &StateEntry) -> Value {
    json!({ "key": entry.key, "value": base64(&entry.value), "version": entry.version.to_string() })
}

pub fn printed_event(event: &Event) -> Value {
    match event {
        Event::Opened(e) => stamped(
            "opened",
            &e.stamp,
            json!({
                "attachmentId": e.attachment_id,
                "frameworkId": e.framework_id,
                "resumed": e.resumed,
                "linked": e.linked,
                "leaseMs": e.lease.as_millis() as u64,
                "defaultedFields": e.defaulted_fields,
            }),
        ),
        Event::Standby(e) => stamped("standby", &e.stamp, json!({ "frameworkId": e.framework_id, "linked": e.linked })),
        Event::Subscribed(e) => stamped("subscribed", &e.stamp, json!({ "frameworkId": e.framework_id })),
        Event::Offers(e) => {
            let offers: Vec<Value> = e.offers.iter().map(printed_offer).collect();
            stamped("offers", &e.stamp, json!({ "fragment": e.fragment, "offers": offers }))
        }
        Event::Rescind(e) => stamped("rescind", &e.stamp, json!({ "offerId": e.offer_id })),
        Event::InverseOffers(e) => {
            let ids: Vec<&str> = e.inverse_offers.iter().map(|offer| offer.id.value.as_str()).collect();
            stamped("inverse-offers", &e.stamp, json!({ "ids": ids }))
        }
        Event::RescindInverseOffer(e) => {
            stamped("rescind-inverse-offer", &e.stamp, json!({ "inverseOfferId": e.inverse_offer_id }))
        }
        Event::Update(e) => stamped("update", &e.stamp, printed_status(&e.status)),
        Event::OperationUpdate(e) => {
            let id = e.status.operation_id.as_ref().map(|id| &id.value);
            let state = OperationState::try_from(e.status.state).map_or("unknown", |state| state.as_str_name());
            stamped("operation-update", &e.stamp, json!({ "operationId": id, "state": state }))
        }
        Event::Message(e) => stamped(
            "message",
            &e.stamp,
            json!({ "agentId": e.agent_id, "executorId": e.executor_id, "data": base64(&e.data) }),
        ),
        Event::Failure(e) => stamped(
            "failure",
            &e.stamp,
            json!({ "agentId": e.agent_id, "executorId": e.executor_id, "status": e.status }),
        ),
        Event::MesosError(e) => stamped("mesos-error", &e.stamp, json!({ "message": e.message })),
        Event::LinkChanged(e) => {
            stamped("link-changed", &e.stamp, json!({ "linked": e.linked, "reason": e.reason, "master": e.master }))
        }
        Event::Tasks(e) => {
            let tasks: Vec<Value> = e.tasks.iter().map(printed_task).collect();
            stamped("tasks", &e.stamp, json!({ "tasks": tasks }))
        }
        Event::SnapshotEnd(e) => stamped("snapshot-end", &e.stamp, json!({})),
        Event::Detached(e) => json!({ "kind": "detached", "attempt": e.attempt, "error": printed_error(&e.error) }),
        Event::Gap(e) => json!({ "kind": "gap", "missing": e.missing.to_string() }),
        Event::AcknowledgementRefused(e) => {
            json!({ "kind": "acknowledgement-refused", "ackToken": e.ack_token, "error": printed_error(&e.error) })
        }
        _ => json!({ "kind": "unknown" }),
    }
}

pub fn printed_error(error: &Error) -> Value {
    let fields: Vec<Value> = error
        .field_violations()
        .iter()
        .map(|violation| json!({ "field": violation.field, "description": violation.description }))
        .collect();
    let metadata: BTreeMap<&String, &String> = error.metadata().iter().collect();
    json!({
        "code": error.code() as i32,
        "reason": error.reason(),
        "message": error.message(),
        "metadata": metadata,
        "fields": fields,
        "retryDelayMs": error.retry_delay().unwrap_or_default().as_millis() as u64,
        "retryable": error.is_retryable(),
        "outcomeUnknown": error.is_outcome_unknown(),
    })
}

fn stamped(kind: &str, stamp: &Stamp, mut body: Value) -> Value {
    body["kind"] = json!(kind);
    body["sequence"] = json!(stamp.sequence.to_string());
    body["ackToken"] = json!(stamp.ack_token);
    body
}

fn printed_status(status: &TaskStatus) -> Value {
    let reason = status.reason.map(|reason| Reason::try_from(reason).map_or("unknown", |reason| reason.as_str_name()));
    json!({
        "taskId": status.task_id.value,
        "state": TaskState::try_from(status.state).map_or("unknown", |state| state.as_str_name()),
        "reason": reason,
        "outcome": outcome(status).to_string(),
        "message": status.message,
        "healthy": status.healthy,
        "timestamp": status.timestamp,
        "data": status.data.as_deref().map(base64),
    })
}

fn printed_task(task: &OpenTask) -> Value {
    let state = |status: &TaskStatus| TaskState::try_from(status.state).map_or("unknown", |state| state.as_str_name());
    json!({
        "taskId": task.task_id.as_ref().map(|id| &id.value),
        "agentId": task.agent_id.as_ref().map(|id| &id.value),
        "state": task.status.as_ref().map(state),
        "cookie": base64(&task.cookie),
        "unconfirmed": task.unconfirmed,
    })
}

fn printed_offer(offer: &Offer) -> Value {
    let text_bytes: usize =
        offer.attributes.iter().filter_map(|attribute| attribute.text.as_ref()).map(|text| text.value.len()).sum();
    let unavailability = offer.unavailability.as_ref().map(|span| {
        let duration = span.duration.as_ref().map(|duration| duration.nanoseconds.to_string());
        json!({ "start": span.start.nanoseconds.to_string(), "duration": duration })
    });
    json!({
        "id": offer.id.value,
        "agentId": offer.agent_id.value,
        "hostname": offer.hostname,
        "resources": offer.resources.iter().map(printed_resource).collect::<Vec<_>>(),
        "textBytes": text_bytes,
        "unavailability": unavailability,
    })
}

fn printed_resource(resource: &Resource) -> Value {
    let ranges = resource.ranges.iter().flat_map(|ranges| &ranges.range);
    let ranges: Vec<Value> =
        ranges.map(|range| json!({ "begin": range.begin.to_string(), "end": range.end.to_string() })).collect();
    json!({
        "name": resource.name,
        "scalar": resource.scalar.as_ref().map(|scalar| scalar.value),
        "ranges": ranges,
        "set": resource.set.as_ref().map_or(&[][..], |set| &set.item),
    })
}

fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
