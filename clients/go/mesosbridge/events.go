package mesosbridge

import (
	"time"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// Event is one of the pointers to the types below. Kinds may be added: ignore those that you don't know.
type Event interface{ isEvent() }

// Stamp is what all events of the session have.
type Stamp struct {
	// Contiguous within a session as long as the bridge runs. Snapshot events repeat the last live one.
	Sequence uint64
	// When the bridge received or made it.
	ReceiveTime time.Time
	// Set when an acknowledgement is owed.
	AckToken string
}

type (
	// Standby: another scheduler of the framework may be active. Calls wait until Opened comes: then this one is.
	Standby struct {
		Stamp
		// The id of the framework.
		FrameworkID string
		// Whether the bridge is subscribed to a master at this moment.
		Linked bool
	}
	// Opened: the attachment stands. With Resumed, what was missed follows; else forget all offers: a snapshot follows.
	Opened struct {
		Stamp
		AttachmentID string
		// The id of the framework.
		FrameworkID string
		Resumed     bool
		// How long the session outlives its client.
		Lease time.Duration
		// As sent to Mesos, with the bridge's defaults filled in; DefaultedFields names those.
		FrameworkInfo   *mesos.FrameworkInfo
		DefaultedFields []string
		// Whether the bridge is subscribed to a master at this moment.
		Linked           bool
		ProgressInterval time.Duration
	}
	// Subscribed: the bridge subscribed to a master. Offers from before are void.
	Subscribed struct {
		Stamp
		FrameworkID string
		MasterInfo  *mesos.MasterInfo
	}
	// Offers are handed out as they come; with Fragment, more pieces of the same Mesos event follow.
	Offers struct {
		Stamp
		Offers   []*mesos.Offer
		Fragment bool
	}
	// Rescind: an offer is void.
	Rescind struct {
		Stamp
		OfferID string
	}
	// InverseOffers ask for resources back, for maintenance.
	InverseOffers struct {
		Stamp
		InverseOffers []*mesos.InverseOffer
	}
	// RescindInverseOffer: an inverse offer is void.
	RescindInverseOffer struct {
		Stamp
		InverseOfferID string
	}
	// Update is the state of a task. The same may come more than once.
	Update struct {
		Stamp
		Status *mesos.TaskStatus
	}
	// OperationUpdate is the state of an operation.
	OperationUpdate struct {
		Stamp
		Status *mesos.OperationStatus
	}
	// Message is bytes from an executor.
	Message struct {
		Stamp
		AgentID    string
		ExecutorID string
		Data       []byte
	}
	// Failure: an agent is lost, or an executor has ended: then Status is the raw wait status.
	Failure struct {
		Stamp
		AgentID    string
		ExecutorID string
		Status     *int32
	}
	// MesosError is Mesos's own ERROR. The stream ends after it.
	MesosError struct {
		Stamp
		Message string
	}
	// LinkChanged: the master was lost (Linked false), found or changed. Offers from before are void.
	LinkChanged struct {
		Stamp
		Linked bool
		// For people.
		Reason string
		// As host:port.
		Master string
	}
	// Tasks that have not ended, or whose end is not acknowledged: part of the snapshot, before its offers. Several of
	// these events may come. Each task has the Cookie of its launch. With Unconfirmed it is not known whether Mesos has the
	// task: an update will tell.
	Tasks struct {
		Stamp
		Tasks []*pb.OpenTask
	}
	// SnapshotEnd: all that was open when it attached has been handed out.
	SnapshotEnd struct{ Stamp }
	// Detached: the stream broke, or could not be opened. The scheduler attaches again by itself after RetryIn.
	Detached struct {
		Err *Error
		// 1 for the first failure in a row.
		Attempt int
		RetryIn time.Duration
	}
	// Gap: events are missing. Reconcile what matters.
	Gap struct{ Missing uint64 }
	// AcknowledgementRefused: the bridge refused an acknowledgement for good. Mesos sends the update again.
	AcknowledgementRefused struct {
		AckToken string
		Err      *Error
	}
)

func (*Standby) isEvent()                {}
func (*Opened) isEvent()                 {}
func (*Subscribed) isEvent()             {}
func (*Offers) isEvent()                 {}
func (*Rescind) isEvent()                {}
func (*InverseOffers) isEvent()          {}
func (*RescindInverseOffer) isEvent()    {}
func (*Update) isEvent()                 {}
func (*OperationUpdate) isEvent()        {}
func (*Message) isEvent()                {}
func (*Failure) isEvent()                {}
func (*MesosError) isEvent()             {}
func (*LinkChanged) isEvent()            {}
func (*Tasks) isEvent()                  {}
func (*SnapshotEnd) isEvent()            {}
func (*Detached) isEvent()               {}
func (*Gap) isEvent()                    {}
func (*AcknowledgementRefused) isEvent() {}

// IDs of the offers.
func (o *Offers) IDs() []*mesos.OfferID {
	ids := make([]*mesos.OfferID, 0, len(o.Offers))
	for _, offer := range o.Offers {
		ids = append(ids, offer.GetId())
	}
	return ids
}

// ackTokenOf is the acknowledgement that is owed for an event; "" for none.
func ackTokenOf(event Event) string {
	switch e := event.(type) {
	case *Update:
		return e.AckToken
	case *OperationUpdate:
		return e.AckToken
	}
	return ""
}

// eventOf is the event as a scheduler sees it; nil for signs of life and for what this version does not know.
func eventOf(event *pb.SessionEvent) Event {
	stamp := Stamp{Sequence: event.GetSequence(), AckToken: event.GetAckToken()}
	if t := event.GetReceiveTime(); t != nil {
		stamp.ReceiveTime = t.AsTime()
	}
	switch e := event.GetEvent().(type) {
	case *pb.SessionEvent_Opened:
		if e.Opened.GetRole() == pb.AttachmentRole_ATTACHMENT_ROLE_STANDBY {
			return &Standby{stamp, e.Opened.GetFrameworkId().GetValue(), isConnected(e.Opened.GetLinkState())}
		}
		return openedOf(stamp, e.Opened)
	case *pb.SessionEvent_Promoted:
		return openedOf(stamp, e.Promoted.GetOpened())
	case *pb.SessionEvent_Mesos:
		return mesosEventOf(stamp, e.Mesos, event.GetFragment())
	case *pb.SessionEvent_Progress:
		if e.Progress.GetSnapshotEnd() {
			return &SnapshotEnd{stamp}
		}
	case *pb.SessionEvent_Tasks:
		return &Tasks{stamp, e.Tasks.GetTasks()}
	case *pb.SessionEvent_LinkChanged:
		return &LinkChanged{stamp, isConnected(e.LinkChanged.GetState()), e.LinkChanged.GetReason(), e.LinkChanged.GetMaster()}
	}
	return nil
}

func openedOf(stamp Stamp, opened *pb.Opened) Event {
	return &Opened{
		Stamp:            stamp,
		AttachmentID:     opened.GetAttachmentId(),
		FrameworkID:      opened.GetFrameworkId().GetValue(),
		Resumed:          opened.GetResumed(),
		Lease:            opened.GetLease().AsDuration(),
		FrameworkInfo:    opened.GetFrameworkInfo(),
		DefaultedFields:  opened.GetDefaultedFields(),
		Linked:           isConnected(opened.GetLinkState()),
		ProgressInterval: opened.GetProgressInterval().AsDuration(),
	}
}

func isConnected(state pb.LinkState) bool { return state == pb.LinkState_LINK_STATE_CONNECTED }

func mesosEventOf(stamp Stamp, event *scheduler.Event, fragment bool) Event {
	switch event.GetType() {
	case scheduler.Event_SUBSCRIBED:
		return &Subscribed{stamp, event.GetSubscribed().GetFrameworkId().GetValue(), event.GetSubscribed().GetMasterInfo()}
	case scheduler.Event_OFFERS:
		return &Offers{stamp, event.GetOffers().GetOffers(), fragment}
	case scheduler.Event_RESCIND:
		return &Rescind{stamp, event.GetRescind().GetOfferId().GetValue()}
	case scheduler.Event_INVERSE_OFFERS:
		return &InverseOffers{stamp, event.GetInverseOffers().GetInverseOffers()}
	case scheduler.Event_RESCIND_INVERSE_OFFER:
		return &RescindInverseOffer{stamp, event.GetRescindInverseOffer().GetInverseOfferId().GetValue()}
	case scheduler.Event_UPDATE:
		if status := event.GetUpdate().GetStatus(); status != nil {
			return &Update{stamp, status}
		}
	case scheduler.Event_UPDATE_OPERATION_STATUS:
		if status := event.GetUpdateOperationStatus().GetStatus(); status != nil {
			return &OperationUpdate{stamp, status}
		}
	case scheduler.Event_MESSAGE:
		m := event.GetMessage()
		return &Message{stamp, m.GetAgentId().GetValue(), m.GetExecutorId().GetValue(), m.GetData()}
	case scheduler.Event_FAILURE:
		f := event.GetFailure()
		return &Failure{stamp, f.GetAgentId().GetValue(), f.GetExecutorId().GetValue(), f.Status}
	case scheduler.Event_ERROR:
		return &MesosError{stamp, event.GetError().GetMessage()}
	}
	return nil
}
