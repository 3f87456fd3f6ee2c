package mesosbridge

import (
	"fmt"
	"strings"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
)

// Events print as one line for people, which may change.

func (e *Standby) String() string {
	return "on standby" + orNothing(", framework ", e.FrameworkID) + masterNote(e.Linked)
}

func (e *Opened) String() string {
	text := "attached as " + e.AttachmentID + orNothing(", framework ", e.FrameworkID)
	if e.Resumed {
		text += ", resumed"
	}
	return text + masterNote(e.Linked)
}

func (e *Subscribed) String() string {
	return "subscribed as framework " + e.FrameworkID + orNothing(" to the master ", masterText(e.MasterInfo))
}

func (o *Offers) String() string {
	return fmt.Sprintf("%s: %s", count(len(o.Offers), "offer"), list(o.Offers, offerText))
}

func (e *Rescind) String() string { return "offer " + e.OfferID + " is void" }

func (e *InverseOffers) String() string {
	return fmt.Sprintf("%s: %s", count(len(e.InverseOffers), "inverse offer"),
		list(e.InverseOffers, func(offer *mesos.InverseOffer) string { return offer.GetId().GetValue() }))
}

func (e *RescindInverseOffer) String() string {
	return "inverse offer " + e.InverseOfferID + " is void"
}

func (e *Update) String() string { return "task " + Describe(e.Status) }

func (e *OperationUpdate) String() string {
	return "operation " + e.Status.GetOperationId().GetValue() + ": " + e.Status.GetState().String() +
		orNothing(": ", e.Status.GetMessage())
}

func (e *Message) String() string {
	return fmt.Sprintf("%s from executor %s on agent %s", count(len(e.Data), "byte"), e.ExecutorID, e.AgentID)
}

func (e *Failure) String() string {
	if e.ExecutorID == "" {
		return "agent " + e.AgentID + " is lost"
	}
	text := "executor " + e.ExecutorID + orNothing(" on agent ", e.AgentID) + " has ended"
	if e.Status != nil {
		text += fmt.Sprintf(", wait status %d", *e.Status)
	}
	return text
}

func (e *MesosError) String() string { return "Mesos says: " + e.Message }

func (e *LinkChanged) String() string {
	if e.Linked {
		return "the bridge is connected to a Mesos master" + orNothing(", ", e.Master)
	}
	return "the bridge has no Mesos master" + orNothing(": ", e.Reason)
}

func (e *Tasks) String() string { return count(len(e.Tasks), "task") + " in the snapshot" }

func (*SnapshotEnd) String() string { return "end of the snapshot" }

func (e *Detached) String() string {
	return fmt.Sprintf("not attached to the bridge: %v; trying again in %v", e.Err, e.RetryIn)
}

func (e *Gap) String() string { return count(int(e.Missing), "event") + " missing" }

func (e *AcknowledgementRefused) String() string {
	return fmt.Sprintf("an acknowledgement was refused: %v", e.Err)
}

func masterNote(linked bool) string {
	if linked {
		return ""
	}
	return "; the bridge has no Mesos master yet"
}

func offerText(offer *mesos.Offer) string {
	resources := make([]string, 0, len(offer.GetResources()))
	for _, resource := range offer.GetResources() {
		resources = append(resources, resource.GetName()+" "+amountText(resource))
	}
	return fmt.Sprintf("%s of %s (%s)", offer.GetId().GetValue(), offer.GetHostname(), strings.Join(resources, ", "))
}

func amountText(resource *mesos.Resource) string {
	switch resource.GetType() {
	case mesos.Value_RANGES:
		return list(resource.GetRanges().GetRange(), func(r *mesos.Value_Range) string {
			return fmt.Sprintf("%d-%d", r.GetBegin(), r.GetEnd())
		})
	case mesos.Value_SET:
		return strings.Join(resource.GetSet().GetItem(), " ")
	default:
		return fmt.Sprint(resource.GetScalar().GetValue())
	}
}

func masterText(info *mesos.MasterInfo) string {
	if info.GetHostname() == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", info.GetHostname(), info.GetPort())
}

// list the first few items.
func list[T any](items []T, text func(T) string) string {
	const shown = 3
	var texts []string
	for _, item := range items[:min(shown, len(items))] {
		texts = append(texts, text(item))
	}
	if len(items) > shown {
		texts = append(texts, "...")
	}
	return strings.Join(texts, ", ")
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// orNothing puts something in front of a text, if there is one.
func orNothing(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}
