package main

import (
	"encoding/base64"
	"errors"
	"strconv"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// printed is an event as the conformance cases write it: 64-bit numbers as text, bytes in base64, what is not there as
// null.
type printed map[string]any

// has is true if all of these members are the same.
func (p printed) has(members printed) bool {
	for key, value := range members {
		if p[key] != value {
			return false
		}
	}
	return true
}

func printedEvent(event mesosbridge.Event) printed {
	switch e := event.(type) {
	case *mesosbridge.Standby:
		return stamped("standby", e.Stamp, printed{"frameworkId": orNull(e.FrameworkID), "linked": e.Linked})
	case *mesosbridge.Opened:
		return stamped("opened", e.Stamp, printed{"attachmentId": e.AttachmentID, "frameworkId": orNull(e.FrameworkID),
			"resumed": e.Resumed, "linked": e.Linked, "leaseMs": e.Lease.Milliseconds(),
			"defaultedFields": list(e.DefaultedFields, func(name string) any { return name })})
	case *mesosbridge.Subscribed:
		return stamped("subscribed", e.Stamp, printed{"frameworkId": orNull(e.FrameworkID)})
	case *mesosbridge.Offers:
		return stamped("offers", e.Stamp, printed{"fragment": e.Fragment, "offers": list(e.Offers, printedOffer)})
	case *mesosbridge.Rescind:
		return stamped("rescind", e.Stamp, printed{"offerId": orNull(e.OfferID)})
	case *mesosbridge.InverseOffers:
		ids := list(e.InverseOffers, func(o *mesos.InverseOffer) any { return orNull(o.GetId().GetValue()) })
		return stamped("inverse-offers", e.Stamp, printed{"ids": ids})
	case *mesosbridge.RescindInverseOffer:
		return stamped("rescind-inverse-offer", e.Stamp, printed{"inverseOfferId": orNull(e.InverseOfferID)})
	case *mesosbridge.Update:
		return stamped("update", e.Stamp, printedStatus(e.Status))
	case *mesosbridge.OperationUpdate:
		state := nameOf(mesos.OperationState_name, int32(e.Status.GetState()))
		return stamped("operation-update", e.Stamp,
			printed{"operationId": orNull(e.Status.GetOperationId().GetValue()), "state": state})
	case *mesosbridge.Message:
		return stamped("message", e.Stamp, printed{"agentId": orNull(e.AgentID), "executorId": orNull(e.ExecutorID),
			"data": base64.StdEncoding.EncodeToString(e.Data)})
	case *mesosbridge.Failure:
		return stamped("failure", e.Stamp, printed{"agentId": orNull(e.AgentID), "executorId": orNull(e.ExecutorID),
			"status": optional(e.Status)})
	case *mesosbridge.MesosError:
		return stamped("mesos-error", e.Stamp, printed{"message": e.Message})
	case *mesosbridge.LinkChanged:
		return stamped("link-changed", e.Stamp, printed{"linked": e.Linked, "reason": e.Reason, "master": e.Master})
	case *mesosbridge.Tasks:
		return stamped("tasks", e.Stamp, printed{"tasks": list(e.Tasks, printedTask)})
	case *mesosbridge.SnapshotEnd:
		return stamped("snapshot-end", e.Stamp, printed{})
	case *mesosbridge.Detached:
		return printed{"kind": "detached", "attempt": e.Attempt, "error": printedError(e.Err)}
	case *mesosbridge.Gap:
		return printed{"kind": "gap", "missing": decimal(e.Missing)}
	case *mesosbridge.AcknowledgementRefused:
		return printed{"kind": "acknowledgement-refused", "ackToken": e.AckToken, "error": printedError(e.Err)}
	}
	return printed{"kind": "unknown"}
}

func stamped(kind string, stamp mesosbridge.Stamp, body printed) printed {
	body["kind"], body["sequence"], body["ackToken"] = kind, decimal(stamp.Sequence), orNull(stamp.AckToken)
	return body
}

func printedStatus(status *mesos.TaskStatus) printed {
	p := printed{
		"taskId":    orNull(status.GetTaskId().GetValue()),
		"state":     nameOf(mesos.TaskState_name, int32(status.GetState())),
		"reason":    nil,
		"outcome":   string(mesosbridge.OutcomeOf(status)),
		"message":   optional(status.Message),
		"healthy":   optional(status.Healthy),
		"timestamp": optional(status.Timestamp),
		"data":      nil,
	}
	if status.Reason != nil {
		p["reason"] = nameOf(mesos.TaskStatus_Reason_name, int32(status.GetReason()))
	}
	if status.Data != nil {
		p["data"] = base64.StdEncoding.EncodeToString(status.Data)
	}
	return p
}

func printedEntry(entry *pb.StateEntry) any {
	if entry == nil {
		return nil
	}
	value := base64.StdEncoding.EncodeToString(entry.GetValue())
	return printed{"key": entry.GetKey(), "value": value, "version": strconv.FormatUint(entry.GetVersion(), 10)}
}

func printedVersion(name string, version uint64) printed {
	return printed{name: strconv.FormatUint(version, 10)}
}

func printedTask(task *pb.OpenTask) any {
	p := printed{
		"taskId":      orNull(task.GetTaskId().GetValue()),
		"agentId":     orNull(task.GetAgentId().GetValue()),
		"state":       nil,
		"cookie":      base64.StdEncoding.EncodeToString(task.GetCookie()),
		"unconfirmed": task.GetUnconfirmed(),
	}
	if task.Status != nil {
		p["state"] = nameOf(mesos.TaskState_name, int32(task.GetStatus().GetState()))
	}
	return p
}

func printedOffer(offer *mesos.Offer) any {
	textBytes := 0
	for _, attribute := range offer.GetAttributes() {
		textBytes += len(attribute.GetText().GetValue())
	}
	p := printed{
		"id":             orNull(offer.GetId().GetValue()),
		"agentId":        orNull(offer.GetAgentId().GetValue()),
		"hostname":       optional(offer.Hostname),
		"resources":      list(offer.GetResources(), printedResource),
		"textBytes":      textBytes,
		"unavailability": nil,
	}
	if u := offer.GetUnavailability(); u != nil {
		span := printed{"start": decimal(u.GetStart().GetNanoseconds()), "duration": nil}
		if u.Duration != nil {
			span["duration"] = decimal(u.GetDuration().GetNanoseconds())
		}
		p["unavailability"] = span
	}
	return p
}

func printedResource(r *mesos.Resource) any {
	p := printed{"name": optional(r.Name), "scalar": nil, "set": list(r.GetSet().GetItem(), func(s string) any { return s })}
	if r.Scalar != nil {
		p["scalar"] = r.GetScalar().GetValue()
	}
	p["ranges"] = list(r.GetRanges().GetRange(), func(v *mesos.Value_Range) any {
		return printed{"begin": decimal(v.GetBegin()), "end": decimal(v.GetEnd())}
	})
	return p
}

func printedError(err error) any {
	var e *mesosbridge.Error
	if !errors.As(err, &e) || e == nil {
		if err == nil {
			return nil
		}
		return printed{"code": -1, "message": err.Error()}
	}
	fields, metadata := []any{}, map[string]string{}
	for _, violation := range e.FieldViolations {
		fields = append(fields, printed{"field": violation.GetField(), "description": violation.GetDescription()})
	}
	if e.Metadata != nil {
		metadata = e.Metadata
	}
	return printed{"code": int(e.Code), "reason": e.Reason, "message": e.Message, "metadata": metadata, "fields": fields,
		"retryDelayMs": e.RetryDelay.Milliseconds(), "retryable": e.Retryable(), "outcomeUnknown": e.OutcomeUnknown()}
}

// nameOf an enum's value in the protos; what the protos do not know is "unknown".
func nameOf(names map[int32]string, value int32) string {
	if name, ok := names[value]; ok {
		return name
	}
	return "unknown"
}

func list[T any](items []T, print func(T) any) []any {
	all := []any{}
	for _, item := range items {
		all = append(all, print(item))
	}
	return all
}

func optional[T any](value *T) any {
	if value == nil {
		return nil
	}
	return *value
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func decimal[T int64 | uint64](value T) string {
	if value < 0 {
		return strconv.FormatInt(int64(value), 10)
	}
	return strconv.FormatUint(uint64(value), 10)
}
