package mesosbridge

import (
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

func TestEventsPrintReadably(t *testing.T) {
	offer := func(id string) *mesos.Offer {
		ports := &mesos.Value_Ranges{Range: []*mesos.Value_Range{{Begin: proto.Uint64(31000), End: proto.Uint64(32000)}}}
		return &mesos.Offer{Id: &mesos.OfferID{Value: &id}, Hostname: proto.String("a.example"), Resources: []*mesos.Resource{
			{Name: proto.String("cpus"), Type: mesos.Value_SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: proto.Float64(1.5)}},
			{Name: proto.String("ports"), Type: mesos.Value_RANGES.Enum(), Ranges: ports},
		}}
	}
	failed := &Error{Code: codes.Unavailable, Message: "connection refused"}
	for want, event := range map[string]Event{
		"attached as a1, framework f1":                                       &Opened{AttachmentID: "a1", FrameworkID: "f1", Linked: true},
		"attached as a1, resumed; the bridge has no Mesos master yet":        &Opened{AttachmentID: "a1", Resumed: true},
		"on standby, framework f1":                                           &Standby{FrameworkID: "f1", Linked: true},
		"on standby; the bridge has no Mesos master yet":                     &Standby{},
		"subscribed as framework f1 to the master m.example:5050":            &Subscribed{FrameworkID: "f1", MasterInfo: &mesos.MasterInfo{Hostname: proto.String("m.example"), Port: proto.Uint32(5050)}},
		"1 offer: o1 of a.example (cpus 1.5, ports 31000-32000)":             &Offers{Offers: []*mesos.Offer{offer("o1")}},
		"offer o1 is void":                                                   &Rescind{OfferID: "o1"},
		"0 inverse offers: ":                                                 &InverseOffers{},
		"inverse offer i1 is void":                                           &RescindInverseOffer{InverseOfferID: "i1"},
		"task t1: TASK_FAILED, REASON_COMMAND_EXECUTOR_FAILED: exit 3":       &Update{Status: &mesos.TaskStatus{TaskId: &mesos.TaskID{Value: proto.String("t1")}, State: mesos.TaskState_TASK_FAILED.Enum(), Reason: mesos.TaskStatus_REASON_COMMAND_EXECUTOR_FAILED.Enum(), Message: proto.String("exit 3")}},
		"operation p1: OPERATION_FINISHED":                                   &OperationUpdate{Status: &mesos.OperationStatus{OperationId: &mesos.OperationID{Value: proto.String("p1")}, State: mesos.OperationState_OPERATION_FINISHED.Enum()}},
		"3 bytes from executor e1 on agent g1":                               &Message{AgentID: "g1", ExecutorID: "e1", Data: []byte("abc")},
		"agent g1 is lost":                                                   &Failure{AgentID: "g1"},
		"executor e1 on agent g1 has ended, wait status 9":                   &Failure{AgentID: "g1", ExecutorID: "e1", Status: proto.Int32(9)},
		"Mesos says: no":                                                     &MesosError{Message: "no"},
		"the bridge is connected to a Mesos master, m:5050":                  &LinkChanged{Linked: true, Master: "m:5050"},
		"the bridge has no Mesos master: it is looking":                      &LinkChanged{Reason: "it is looking"},
		"1 task in the snapshot":                                             &Tasks{Tasks: []*pb.OpenTask{{}}},
		"end of the snapshot":                                                &SnapshotEnd{},
		"not attached to the bridge: connection refused; trying again in 0s": &Detached{Err: failed, Attempt: 1},
		"2 events missing":                                                   &Gap{Missing: 2},
		"an acknowledgement was refused: connection refused":                 &AcknowledgementRefused{AckToken: "secret", Err: failed},
	} {
		if got := fmt.Sprintf("%v", event); got != want {
			t.Errorf("%T prints as %q, and should as %q", event, got, want)
		}
	}
	many := &Offers{Offers: []*mesos.Offer{offer("o1"), offer("o2"), offer("o3"), offer("o4")}}
	if got := many.String(); len(got) > 250 || got[len(got)-3:] != "..." {
		t.Errorf("many offers print as %q", got)
	}
}
