// A server of prepared messages for benchmarks, as bench/processes/referenceServer.ts is one, but in Go and with as many
// events in a message as it is told: it shows how much a client can take.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// flood is what is sent to who is attached.
type flood struct {
	Messages int `json:"messages"`
	// Events in each message.
	Events int `json:"events"`
	// About how large each event is.
	Bytes int `json:"bytes"`
}

type server struct {
	pb.UnimplementedSchedulerServiceServer
	floods chan flood
}

func (s *server) Subscribe(_ *pb.SubscribeRequest, stream pb.SchedulerService_SubscribeServer) error {
	opened := &pb.SessionEvent{Event: &pb.SessionEvent_Opened{Opened: &pb.Opened{AttachmentId: "prepared"}}}
	if err := stream.Send(&pb.SubscribeResponse{Events: []*pb.SessionEvent{opened}}); err != nil {
		return err
	}
	for {
		select {
		case <-stream.Context().Done():
			return context.Cause(stream.Context())
		case wanted := <-s.floods:
			if err := send(stream, wanted); err != nil {
				return err
			}
		}
	}
}

func send(stream pb.SchedulerService_SubscribeServer, wanted flood) error {
	message := &pb.SubscribeResponse{}
	for i := range wanted.Events {
		message.Events = append(message.Events, event(i, wanted.Bytes))
	}
	var prepared grpc.PreparedMsg
	if err := prepared.Encode(stream, message); err != nil {
		return err
	}
	for range wanted.Messages {
		if err := stream.SendMsg(&prepared); err != nil {
			return err
		}
	}
	return nil
}

// event is a MESSAGE as the benchmarks' master sends it, and as the bridge relays it.
func event(sequence, bytes int) *pb.SessionEvent {
	data := make([]byte, max(0, bytes-30))
	for i := range data {
		data[i] = 7
	}
	return &pb.SessionEvent{
		Sequence:    uint64(sequence + 1),
		ReceiveTime: timestamppb.Now(),
		Event: &pb.SessionEvent_Mesos{Mesos: &scheduler.Event{
			Type: scheduler.Event_MESSAGE.Enum(),
			Message: &scheduler.Event_Message{
				AgentId:    &mesos.AgentID{Value: proto.String("agent")},
				ExecutorId: &mesos.ExecutorID{Value: proto.String("executor")},
				Data:       data,
			},
		}},
	}
}

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
	serving := &server{floods: make(chan flood, 1)}
	grpcServer := grpc.NewServer()
	pb.RegisterSchedulerServiceServer(grpcServer, serving)
	go func() {
		if err := grpcServer.Serve(listener); err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			lines.Fail(err)
		}
	}()
	lines.Serve(lines.Fields{"port": listener.Addr().(*net.TCPAddr).Port}, map[string]lines.Handler{
		"flood": lines.With(func(wanted flood) error {
			serving.floods <- wanted
			return nil
		}),
	})
}
