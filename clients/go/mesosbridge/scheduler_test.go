package mesosbridge

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// bridge is one at the socket that does what a test says.
type bridge struct {
	pb.UnimplementedSchedulerServiceServer
	subscribe func(*pb.SubscribeRequest, grpc.ServerStreamingServer[pb.SubscribeResponse]) error
	acks      chan []string
	// Nil: promotions can be confirmed.
	confirm func(*pb.ConfirmPromotionRequest) error
	// Gets the attachment of each launch.
	launches chan string
}

func (b *bridge) Subscribe(r *pb.SubscribeRequest, s grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
	return b.subscribe(r, s)
}

func (b *bridge) Acknowledge(_ context.Context, r *pb.AcknowledgeRequest) (*pb.AcknowledgeResponse, error) {
	b.acks <- r.GetAckTokens()
	return &pb.AcknowledgeResponse{}, nil
}

func (b *bridge) ConfirmPromotion(_ context.Context, r *pb.ConfirmPromotionRequest) (*pb.ConfirmPromotionResponse, error) {
	if b.confirm == nil {
		return &pb.ConfirmPromotionResponse{}, nil
	}
	return &pb.ConfirmPromotionResponse{}, b.confirm(r)
}

func (b *bridge) LaunchTasks(_ context.Context, r *pb.LaunchTasksRequest) (*pb.LaunchTasksResponse, error) {
	b.launches <- r.GetHeader().GetAttachmentId()
	return &pb.LaunchTasksResponse{}, nil
}

func serve(t *testing.T, b *bridge) Options {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterSchedulerServiceServer(server, b)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return Options{Bridge: listener.Addr().String(), FrameworkName: "test", BackoffInitial: time.Millisecond}
}

func connect(t *testing.T, options Options) *Scheduler {
	t.Helper()
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func opened(id string) *pb.SubscribeResponse {
	return &pb.SubscribeResponse{Events: []*pb.SessionEvent{{Event: &pb.SessionEvent_Opened{Opened: &pb.Opened{AttachmentId: id}}}}}
}

func update(sequence uint64, task, token string) *pb.SubscribeResponse {
	event := &scheduler.Event{Type: scheduler.Event_UPDATE.Enum(), Update: &scheduler.Event_Update{Status: &mesos.TaskStatus{
		TaskId: &mesos.TaskID{Value: proto.String(task)}, State: mesos.TaskState_TASK_RUNNING.Enum()}}}
	return &pb.SubscribeResponse{Events: []*pb.SessionEvent{
		{Sequence: sequence, AckToken: token, Event: &pb.SessionEvent_Mesos{Mesos: event}}}}
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestLeavingTheLoopLeavesTheLastUpdate(t *testing.T) {
	b := &bridge{acks: make(chan []string, 10)}
	b.subscribe = func(_ *pb.SubscribeRequest, s grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
		_ = s.Send(opened("a1"))
		_ = s.Send(update(1, "t1", "k1"))
		_ = s.Send(update(2, "t2", "k2"))
		<-s.Context().Done()
		return nil
	}
	s := connect(t, serve(t, b))
	for event, err := range s.Events(testContext(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if u, ok := event.(*Update); ok && u.AckToken == "k2" {
			break
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	close(b.acks)
	var got []string
	for tokens := range b.acks {
		got = append(got, tokens...)
	}
	if len(got) != 1 || got[0] != "k1" {
		t.Fatalf("acknowledged %v, and should have only k1", got)
	}
}

func TestEventsEndWithTheContext(t *testing.T) {
	b := &bridge{subscribe: func(_ *pb.SubscribeRequest, s grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
		<-s.Context().Done()
		return nil
	}}
	s := connect(t, serve(t, b))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range s.Events(ctx) {
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("ended with %v", err)
		}
	}
}

func TestGivesUpWithTheLastError(t *testing.T) {
	b := &bridge{subscribe: func(*pb.SubscribeRequest, grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
		return status.Error(codes.Unavailable, "closed for today")
	}}
	options := serve(t, b)
	options.GiveUpAfter = 50 * time.Millisecond
	s := connect(t, options)
	var last error
	for _, err := range s.Events(testContext(t)) {
		last = err
	}
	var e *Error
	if !errors.As(last, &e) || e.Code != codes.Unavailable || e.Message != "closed for today" {
		t.Fatalf("ended with %v", last)
	}
}

func TestCallsEndWithTheScheduler(t *testing.T) {
	b := &bridge{subscribe: func(_ *pb.SubscribeRequest, s grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
		<-s.Context().Done()
		return nil
	}}
	s := connect(t, serve(t, b))
	ended := make(chan error)
	go func() { ended <- s.ReviveOffers(testContext(t)) }()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err == nil {
		t.Fatal("a call without a bridge ended well")
	}
}

func TestOptionsSayWhatIsMissing(t *testing.T) {
	for _, options := range []Options{{FrameworkName: "x"}, {Bridge: "b:1"},
		{Bridge: "b:1", FrameworkName: "x", FrameworkInfo: &mesos.FrameworkInfo{}}} {
		if _, err := New(options); err == nil {
			t.Errorf("%+v was taken", options)
		}
	}
}

func TestBackoffStaysBelowItsBounds(t *testing.T) {
	b := backoff{initial: 100 * time.Millisecond, max: 2 * time.Second}
	for n := range 100 {
		bound := min(2*time.Second, 100*time.Millisecond<<min(n, 10))
		if wait := b.next(); wait < 0 || wait > bound {
			t.Fatalf("the %d. wait is %v", n, wait)
		}
	}
}
