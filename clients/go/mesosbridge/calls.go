package mesosbridge

import (
	"context"
	"crypto/rand"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// Calls wait for an attachment, are retried if that is safe (no master, broken connection, new attachment) until the
// context is done, and fail with an *Error. If they return nil, the Mesos master has accepted the call. The header of a
// request is filled in; the caller's own request id is kept. With Options.Standby, a call that must not be made twice
// fails with ATTACHMENT_SUPERSEDED if another scheduler may have been active since the last Opened that the program got.

// LaunchTasks launches tasks on offers of one agent. Unused resources are declined. Cookies are bytes of your own by task
// id: they come back in the Tasks events of each snapshot until the task's end is acknowledged. At most 512 KiB per call.
// State changes keys of the framework's state, in one commit with the tasks; the response has their version.
//
// OFFER_GONE, STATE_CHANGED: nothing was launched. With OutcomeUnknown: reconcile before launching again. A bridge that
// can't keep cookies or state refuses the launch, which is retried.
func (s *Scheduler) LaunchTasks(ctx context.Context, request *pb.LaunchTasksRequest) (*pb.LaunchTasksResponse, error) {
	request = proto.CloneOf(request)
	var response *pb.LaunchTasksResponse
	err := s.invoke(ctx, once, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) (err error) {
		request.Header = header
		response, err = s.client.LaunchTasks(ctx, request)
		return err
	})
	return response, err
}

// AcceptOffers accepts offers of one agent with any operations. Its cookies, state and errors are those of LaunchTasks.
func (s *Scheduler) AcceptOffers(ctx context.Context, request *pb.AcceptOffersRequest) (*pb.AcceptOffersResponse, error) {
	request = proto.CloneOf(request)
	var response *pb.AcceptOffersResponse
	err := s.invoke(ctx, once, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) (err error) {
		request.Header = header
		response, err = s.client.AcceptOffers(ctx, request)
		return err
	})
	return response, err
}

// DeclineOffers declines offers. Offers that are already gone do no harm.
func (s *Scheduler) DeclineOffers(ctx context.Context, request *pb.DeclineOffersRequest) error {
	if len(request.GetOfferIds()) == 0 {
		return nil
	}
	request = proto.CloneOf(request)
	return s.invoke(ctx, repeatedly, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.DeclineOffers(ctx, request)
		return err
	})
}

// ReviveOffers asks for offers again, and clears the filters of earlier declines. Without roles: for all of them.
func (s *Scheduler) ReviveOffers(ctx context.Context, roles ...string) error {
	return s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.ReviveOffers(ctx, &pb.ReviveOffersRequest{Header: header, Roles: roles})
		return err
	})
}

// SuppressOffers stops offers until ReviveOffers. Open offers stay open.
func (s *Scheduler) SuppressOffers(ctx context.Context, roles ...string) error {
	return s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.SuppressOffers(ctx, &pb.SuppressOffersRequest{Header: header, Roles: roles})
		return err
	})
}

// KillTask asks for a task to be killed. What comes of it is an update.
func (s *Scheduler) KillTask(ctx context.Context, request *pb.KillTaskRequest) error {
	request = proto.CloneOf(request)
	return s.invoke(ctx, repeatedly, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.KillTask(ctx, request)
		return err
	})
}

// ReconcileTasks asks for the state of tasks; without any, of all that Mesos knows. The answers are updates.
func (s *Scheduler) ReconcileTasks(ctx context.Context, request *pb.ReconcileTasksRequest) error {
	request = proto.CloneOf(request)
	return s.invoke(ctx, repeatedly, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.ReconcileTasks(ctx, request)
		return err
	})
}

// SendMessage sends bytes to an executor. Mesos may drop them.
func (s *Scheduler) SendMessage(ctx context.Context, request *pb.SendMessageRequest) error {
	request = proto.CloneOf(request)
	return s.invoke(ctx, once, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.SendMessage(ctx, request)
		return err
	})
}

// Acknowledge acknowledges updates, in the order given. Only for who chose Options.ManualAcknowledge.
func (s *Scheduler) Acknowledge(ctx context.Context, ackTokens ...string) error {
	if len(ackTokens) == 0 {
		return nil
	}
	return s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.Acknowledge(ctx, &pb.AcknowledgeRequest{Header: header, AckTokens: ackTokens})
		return err
	})
}

// GetState reads a key of the framework's state, which is on the bridge's disk: bytes of your own that the next instance
// of the scheduler needs. Nil if there is no such key.
func (s *Scheduler) GetState(ctx context.Context, key string) (*pb.StateEntry, error) {
	var response *pb.GetStateResponse
	err := s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) (err error) {
		response, err = s.client.GetState(ctx, &pb.GetStateRequest{Header: header, Key: key})
		return err
	})
	return response.GetEntry(), err
}

// PutState writes a key of the framework's state, and returns its version. Once it returns, the value is on the
// bridge's disk. A key has 1 to 255 letters, digits and characters of ._-:/ and a value at most 512 KiB. With IfVersion
// nothing is changed unless the key has this version; 0: unless there is no such key.
//
// STATE_CHANGED: the key has another version. ATTACHMENT_SUPERSEDED: another scheduler may have been active since your
// last Opened. With OutcomeUnknown: it may have been written; read it.
func (s *Scheduler) PutState(ctx context.Context, request *pb.PutStateRequest) (uint64, error) {
	request = proto.CloneOf(request)
	var response *pb.PutStateResponse
	err := s.invoke(ctx, inTerm, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) (err error) {
		request.Header = header
		response, err = s.client.PutState(ctx, request)
		return err
	})
	return response.GetVersion(), err
}

// DeleteState deletes a key of the framework's state, if it is there. Its errors are those of PutState.
func (s *Scheduler) DeleteState(ctx context.Context, request *pb.DeleteStateRequest) error {
	request = proto.CloneOf(request)
	return s.invoke(ctx, inTerm, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.DeleteState(ctx, request)
		return err
	})
}

// ListState reads all keys of the framework's state that begin with prefix, in order.
func (s *Scheduler) ListState(ctx context.Context, prefix string) ([]*pb.StateEntry, error) {
	var entries []*pb.StateEntry
	request := &pb.ListStateRequest{Prefix: prefix, PageSize: statePage}
	for {
		var page *pb.ListStateResponse
		err := s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) (err error) {
			request.Header = header
			page, err = s.client.ListState(ctx, request)
			return err
		})
		if err != nil {
			return nil, err
		}
		entries = append(entries, page.GetEntries()...)
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return entries, nil
		}
	}
}

// Entries of the state that are read at a time.
const statePage = 1000

// Call sends any call of Mesos but SUBSCRIBE.
func (s *Scheduler) Call(ctx context.Context, request *pb.CallRequest) error {
	request = proto.CloneOf(request)
	return s.invoke(ctx, once, request.GetHeader(), func(ctx context.Context, header *pb.CallHeader) error {
		request.Header = header
		_, err := s.client.Call(ctx, request)
		return err
	})
}

// Teardown ends the framework: Mesos kills its tasks, and the bridge deletes its state. The events end.
func (s *Scheduler) Teardown(ctx context.Context) error {
	return s.end(ctx, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.Teardown(ctx, &pb.TeardownRequest{Header: header})
		return err
	})
}

// CloseSession ends the session and leaves the framework to Mesos, for its failover timeout. The events end.
func (s *Scheduler) CloseSession(ctx context.Context) error {
	return s.end(ctx, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.CloseSession(ctx, &pb.CloseSessionRequest{Header: header})
		return err
	})
}

// HandOver lets the standby that has waited longest take over. The events end. Without a standby the lease begins, as
// after Close.
func (s *Scheduler) HandOver(ctx context.Context) error {
	return s.end(ctx, func(ctx context.Context, header *pb.CallHeader) error {
		_, err := s.client.CloseSession(ctx, &pb.CloseSessionRequest{Header: header, Handover: true})
		return err
	})
}

// Header is that of a call made with Client, once there is an attachment.
func (s *Scheduler) Header(ctx context.Context) (*pb.CallHeader, error) {
	id, _, err := s.attachment.ready(ctx, "")
	if err != nil {
		return nil, err
	}
	return &pb.CallHeader{FrameworkName: s.options.FrameworkName, AttachmentId: id, RequestId: rand.Text()}, nil
}

// Client is the generated client, for what this library has no method for, such as Calls.
func (s *Scheduler) Client() pb.SchedulerServiceClient { return s.client }

// repetition says whether a call may be made twice, and whether it may be made after another scheduler was active.
type repetition int

const (
	// Mesos must not get it twice, and only the scheduler may make it that was active when it decided to.
	once repetition = iota
	// It may be made twice, by that scheduler alone.
	inTerm
	// It does no harm whenever it is made.
	repeatedly
)

type sender func(ctx context.Context, header *pb.CallHeader) error

// end sends what ends the session: after a try that got no answer, finding the session ended means that it worked.
func (s *Scheduler) end(ctx context.Context, send sender) error {
	failed := false
	err := s.invoke(ctx, repeatedly, nil, func(ctx context.Context, header *pb.CallHeader) error {
		err := send(ctx, header)
		failed = failed || err != nil
		return err
	})
	if err != nil && failed && s.attachment.endedWell() {
		return nil
	}
	return err
}

func (s *Scheduler) invoke(ctx context.Context, repeat repetition, given *pb.CallHeader, send sender) error {
	s.start()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.lifetime, cancel)()
	if _, ok := ctx.Deadline(); !ok {
		ctx, cancel = context.WithTimeout(ctx, s.options.CallTimeout)
		defer cancel()
	}
	call := attempt{scheduler: s, send: send, repeat: repeat, term: s.term(),
		requestID: given.GetRequestId(), backoff: backoff{initial: 100 * time.Millisecond, max: 2 * time.Second}}
	if call.requestID == "" {
		call.requestID = rand.Text()
	}
	for {
		err := call.make(ctx)
		if err == nil {
			return nil
		}
		if ctx.Err() == context.DeadlineExceeded {
			return call.late()
		}
		unknown := repeat != once && err.Reason == ReasonOutcomeUnknown
		fresh := call.takesFreshToken(err)
		if !err.Retryable() && !err.stale() && !unknown && !fresh || ctx.Err() != nil || call.hopeless {
			return call.verdict(err)
		}
		if unknown {
			call.requestID = rand.Text()
		}
		if !err.stale() && !fresh {
			pause(ctx, max(call.backoff.next(), err.RetryDelay))
		}
		// A try with a context that is done would say that its outcome is unknown, though nothing is sent.
		if ctx.Err() == context.DeadlineExceeded {
			return call.late()
		}
		if ctx.Err() != nil {
			return call.verdict(err)
		}
	}
}

// attempt is one call, tried once or more.
type attempt struct {
	scheduler *Scheduler
	send      sender
	repeat    repetition
	// The term that the program was in when it began.
	term      int
	backoff   backoff
	requestID string
	// The attachment whose call was refused: only another one can help.
	staleID string
	// True if this try has a fresh token because the last one was refused.
	tokenRefused bool
	// True when an earlier try may have reached Mesos.
	maybeSent bool
	// True when there will be no attachment that it may be sent with.
	hopeless bool
	// What the last try that came to an end got.
	last *Error
}

func (a *attempt) make(ctx context.Context) *Error {
	id, term, err := a.scheduler.attachment.ready(ctx, a.staleID)
	if err == nil && a.outlivedBy(term) {
		err = &Error{Code: codes.FailedPrecondition, Reason: ReasonAttachmentSuperseded,
			Message: "another scheduler may have been active since this call began: look at the snapshot, and decide anew"}
	}
	if err != nil {
		a.hopeless = true
		return err
	}
	header := &pb.CallHeader{FrameworkName: a.scheduler.options.FrameworkName, AttachmentId: id, RequestId: a.requestID}
	failure := a.send(ctx, header)
	if failure == nil {
		return nil
	}
	err = asError(failure)
	a.maybeSent = a.maybeSent || err.OutcomeUnknown()
	if err.stale() {
		a.staleID = id
	}
	if ctx.Err() == nil {
		a.last = err
	}
	return err
}

// outlivedBy is true for a term in which the call must not be sent: another scheduler may have done the same meanwhile.
// What began before the first term may be sent in it: its program has seen nothing of an earlier one.
func (a *attempt) outlivedBy(term int) bool {
	return a.repeat != repeatedly && term > max(a.term, 1)
}

// takesFreshToken is true once after a token that was refused: if the next one is refused too, the caller is.
func (a *attempt) takesFreshToken(err *Error) bool {
	if err.Code != codes.Unauthenticated || !a.scheduler.bridges.freshTokens || a.tokenRefused {
		return false
	}
	a.tokenRefused = true
	return true
}

// verdict: a clear refusal after a try that got no answer says nothing about that try.
func (a *attempt) verdict(err *Error) *Error {
	if !a.maybeSent || err.OutcomeUnknown() {
		return err
	}
	text := "an earlier try of this call got no answer, then: " + err.Message
	return &Error{Code: codes.Unavailable, Reason: ReasonOutcomeUnknown, Message: text, cause: err}
}

func (a *attempt) late() *Error {
	// If no attempt can have reached Mesos, the reason says that nothing was sent.
	e := &Error{Code: codes.DeadlineExceeded, Reason: ReasonNotSent, Message: "no answer in time"}
	if a.maybeSent {
		e.Reason = ReasonOutcomeUnknown
	}
	if a.last != nil {
		e.Message += ": " + a.last.Message
		e.cause = a.last
	}
	return e
}
