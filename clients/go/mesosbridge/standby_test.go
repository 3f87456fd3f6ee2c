package mesosbridge

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

func waitsAsStandby(id string) *pb.SubscribeResponse {
	r := opened(id)
	r.GetEvents()[0].GetOpened().Role = pb.AttachmentRole_ATTACHMENT_ROLE_STANDBY
	return r
}

func isPromoted(id string) *pb.SubscribeResponse {
	o := opened(id).GetEvents()[0].GetOpened()
	o.Role = pb.AttachmentRole_ATTACHMENT_ROLE_ACTIVE
	return &pb.SubscribeResponse{Events: []*pb.SessionEvent{
		{Event: &pb.SessionEvent_Promoted{Promoted: &pb.Promoted{Opened: o}}}}}
}

// promotesWhen promotes a standby once it is told to.
func promotesWhen(told <-chan struct{}) func(*pb.SubscribeRequest, grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
	return func(_ *pb.SubscribeRequest, s grpc.ServerStreamingServer[pb.SubscribeResponse]) error {
		_ = s.Send(waitsAsStandby("s1"))
		select {
		case <-told:
			_ = s.Send(isPromoted("a1"))
		case <-s.Context().Done():
		}
		<-s.Context().Done()
		return nil
	}
}

func standby(options Options) Options {
	options.Standby = true
	return options
}

func TestCallsWaitUntilThePromotionIsConfirmed(t *testing.T) {
	promote := make(chan struct{})
	confirmed := false
	b := &bridge{subscribe: promotesWhen(promote), launches: make(chan string, 1)}
	b.confirm = func(r *pb.ConfirmPromotionRequest) error {
		select {
		case id := <-b.launches:
			t.Errorf("a launch came before the confirmation, from %q", id)
		default:
		}
		confirmed = r.GetHeader().GetAttachmentId() == "a1"
		return nil
	}
	s := connect(t, standby(serve(t, b)))
	ctx := testContext(t)
	launched := make(chan error, 1)
	for event, err := range s.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := event.(*Standby); ok {
			go func() {
				_, err := s.LaunchTasks(ctx, &pb.LaunchTasksRequest{})
				launched <- err
			}()
			close(promote)
		}
		if _, ok := event.(*Opened); ok {
			break
		}
	}
	if err := <-launched; err != nil {
		t.Fatal(err)
	}
	if id := <-b.launches; id != "a1" || !confirmed {
		t.Fatalf("the launch came from %q, confirmed: %v", id, confirmed)
	}
}

func TestARefusalOfAConfirmationIsTheEnd(t *testing.T) {
	promote := make(chan struct{})
	close(promote)
	for _, c := range []struct {
		code codes.Code
		// A token that is refused is worth one more.
		streams int
	}{{codes.PermissionDenied, 1}, {codes.Unauthenticated, 2}} {
		b := &bridge{subscribe: promotesWhen(promote)}
		b.confirm = func(*pb.ConfirmPromotionRequest) error { return status.Error(c.code, "not you") }
		options := standby(serve(t, b))
		options.TokenSource = func(context.Context) (string, error) { return "fresh", nil }
		streams := 0
		var last error
		for event, err := range connect(t, options).Events(testContext(t)) {
			switch event.(type) {
			case *Standby:
				streams++
			case *Opened:
				t.Errorf("opened, although the confirmation got %v", c.code)
			}
			last = err
		}
		var e *Error
		if !errors.As(last, &e) || e.Code != c.code || streams != c.streams {
			t.Errorf("after %d streams, ended with %v", streams, last)
		}
	}
}

func TestATermBeginsOnceTheProgramHasTakenIt(t *testing.T) {
	queue := make(chan Event, 4)
	for _, event := range []Event{&Opened{}, &Offers{}, &Opened{Resumed: true}, &Opened{}} {
		queue <- event
	}
	close(queue)
	h := newHandout(queue)
	for _, want := range []int{0, 1, 1, 1} {
		if term := h.term(); term != want {
			t.Errorf("term %d, and should be %d", term, want)
		}
		<-h.events
	}
	if event, more := <-h.events; more {
		t.Errorf("%v came after the end", event)
	}
}

func TestCloseDoesNotWaitForAProgramThatTakesNoEvents(t *testing.T) {
	b := &bridge{subscribe: promotesWhen(nil)}
	s := connect(t, standby(serve(t, b)))
	events := s.Channel()
	<-events
	s.put(&Gap{})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range events {
		// Ends, although not all were taken.
	}
}

func TestCallsDoNotOutliveTheirTerm(t *testing.T) {
	for _, c := range []struct {
		repeat      repetition
		began, term int
		outlived    bool
	}{
		{once, 0, 0, false}, {once, 0, 1, false}, {once, 1, 1, false}, {once, 0, 2, true}, {once, 1, 2, true},
		{once, 2, 2, false}, {inTerm, 0, 1, false}, {inTerm, 1, 2, true}, {repeatedly, 1, 2, false},
	} {
		if a := (attempt{repeat: c.repeat, term: c.began}); a.outlivedBy(c.term) != c.outlived {
			t.Errorf("%+v is wrong", c)
		}
	}
}

func TestNoticesOfAStandby(t *testing.T) {
	var log bytes.Buffer
	n := &notices{log: slog.New(slog.NewTextHandler(&log, nil))}
	away := &Error{Code: codes.Unavailable, Message: "connection refused"}
	n.failed(away)
	n.failed(away)
	n.seen(&Standby{})
	n.failed(away)
	n.seen(&Standby{})
	n.seen(&Opened{})
	want := []string{"not attached", "on standby: another scheduler of the framework may be active", "not attached",
		"on standby"}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("the log is\n%s", log.String())
	}
	for i, text := range want {
		if !strings.Contains(lines[i], text) {
			t.Errorf("line %d is %q, and should have %q", i, lines[i], text)
		}
	}
}
