package mesosbridge

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

const (
	// Opened comes at once from a bridge that is alive.
	openTimeout = 15 * time.Second
	// So many intervals without any event, and the stream counts as broken.
	missedProgress          = 3
	defaultProgressInterval = 15 * time.Second
	// A stream that lived that long was a good one: the next wait starts small again.
	goodStream = 5 * time.Second
	// A bridge that is alive answers a confirmation at once: it asks no master.
	confirmTimeout = 15 * time.Second
)

// attachment keeps one Subscribe stream open: attaches, watches it, and attaches again after it broke.
type attachment struct {
	client      pb.SchedulerServiceClient
	bridges     *bridges
	request     *pb.SubscribeRequest
	backoff     backoff
	notices     *notices
	giveUpAfter time.Duration
	// Waits while another scheduler is active.
	standby bool
	// Takes each event, and returns when the next one may come.
	deliver func(Event)

	// Where a broken stream is taken up again. Nil until a snapshot was complete: before that, its rest would be lost.
	resume *pb.Resume
	// Sequence of the last event received: where the next one shows a gap.
	last             uint64
	progressInterval time.Duration
	alive            time.Time
	// True once the bridge has answered the stream.
	isOpen bool
	// In a row, since the last stream that was opened.
	failures int
	// True if this try has a fresh token because the last one was refused.
	tokenRefused bool

	mu sync.Mutex
	// Empty while calls have to wait.
	id string
	// With standby, how often it became active after another scheduler may have been.
	term    int
	ended   bool
	err     *Error
	changed chan struct{}
}

// ready gives the attachment's id and its term, once there is one other than previous.
func (a *attachment) ready(ctx context.Context, previous string) (string, int, *Error) {
	for {
		a.mu.Lock()
		id, term, ended, err, changed := a.id, a.term, a.ended, a.err, a.changed
		a.mu.Unlock()
		switch {
		case ended && err != nil:
			return "", 0, err
		case ended:
			return "", 0, &Error{Code: codes.Canceled, Message: "the session has ended"}
		case id != "" && id != previous:
			return id, term, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", 0, asError(ctx.Err())
		}
	}
}

// endedWell is true once the stream ended as it should: after a teardown, or because the session was closed.
func (a *attachment) endedWell() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended && a.err == nil
}

func (a *attachment) hasEnded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended
}

func (a *attachment) set(change func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change()
	close(a.changed)
	a.changed = make(chan struct{})
}

// run returns nil if the session ended regularly or ctx is done, otherwise the error that a new attachment can't fix.
func (a *attachment) run(ctx context.Context) (err *Error) {
	defer func() { a.set(func() { a.id, a.ended, a.err = "", true, err }) }()
	defer a.notices.close()
	a.alive = time.Now()
	for {
		broken := a.readStream(ctx)
		if broken != nil && !a.isOpen && ctx.Err() == nil {
			broken = a.bridges.explain(ctx, broken)
		}
		a.set(func() { a.id = "" })
		if broken == nil || ctx.Err() != nil {
			return nil
		}
		if a.takesFreshToken(broken) {
			continue
		}
		if !a.triesAgain(broken) || a.giveUpAfter > 0 && time.Since(a.alive) > a.giveUpAfter {
			return broken
		}
		a.failures++
		var wait time.Duration
		if !a.bridges.failed(broken) {
			wait = max(a.backoff.next(), broken.RetryDelay)
		}
		a.notices.failed(broken)
		a.deliver(&Detached{Err: broken, Attempt: a.failures, RetryIn: wait})
		pause(ctx, wait)
	}
}

// triesAgain is true where another stream may do better than the one that ended with err. A standby whose attachment is
// no longer that of the active scheduler waits for its turn again.
func (a *attachment) triesAgain(err *Error) bool {
	return err.Retryable() || a.standby && err.stale()
}

// takesFreshToken makes one try with a fresh token after one that was refused.
func (a *attachment) takesFreshToken(err *Error) bool {
	if err.Code != codes.Unauthenticated || !a.bridges.freshTokens || a.tokenRefused {
		return false
	}
	a.tokenRefused = true
	a.failures++
	a.deliver(&Detached{Err: err, Attempt: a.failures})
	return true
}

// readStream reads one stream to its end. It gives nil when the bridge ended it in order.
func (a *attachment) readStream(ctx context.Context) *Error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	started := time.Now()
	a.isOpen = false
	defer func() {
		if !a.isOpen {
			return
		}
		a.alive = time.Now()
		if time.Since(started) > goodStream {
			a.backoff.attempts = 0
			a.bridges.served()
		}
	}()
	silence := time.AfterFunc(openTimeout, func() {
		cancel(&Error{Code: codes.Unavailable, Message: "no sign of life from the bridge"})
	})
	defer silence.Stop()
	a.request.Resume = a.resume
	stream, err := a.client.Subscribe(ctx, a.request)
	for err == nil {
		var response *pb.SubscribeResponse
		if response, err = stream.Recv(); err != nil {
			break
		}
		// While the consumer is busy the bridge is not to blame.
		silence.Stop()
		for _, event := range response.GetEvents() {
			if failure := a.take(ctx, event); failure != nil {
				return failure
			}
		}
		silence.Reset(missedProgress * a.progressInterval)
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	var silent *Error
	if errors.As(context.Cause(ctx), &silent) {
		return silent
	}
	return asError(err)
}

// take notes and hands out an event. It gives the error for which the stream is given up.
func (a *attachment) take(ctx context.Context, event *pb.SessionEvent) *Error {
	seen := eventOf(event)
	switch e := seen.(type) {
	case *Standby:
		// The token may still be refused for the promotion: fresh ones would be tried in a loop without a wait.
		a.answered(event.GetOpened().GetProgressInterval().AsDuration())
	case *Opened:
		a.answered(e.ProgressInterval)
		if err := a.confirm(ctx, event.GetPromoted()); err != nil {
			return err
		}
		a.open(e)
	default:
		if a.standby && a.id == "" {
			// While it waits, it is told only that the bridge is still there.
			a.tokenRefused = false
			return nil
		}
		a.advance(event)
	}
	if seen != nil {
		a.notices.seen(seen)
		a.deliver(seen)
	}
	return nil
}

func (a *attachment) answered(progressInterval time.Duration) {
	a.isOpen, a.failures = true, 0
	a.progressInterval = orDefault(progressInterval, defaultProgressInterval)
}

// confirm comes before the attachment of a promotion is used: until the bridge has the answer, it may promote another
// standby instead.
func (a *attachment) confirm(ctx context.Context, promoted *pb.Promoted) *Error {
	switch {
	case !a.standby:
		return nil
	case promoted == nil:
		// It has thrown out the scheduler that was active, and would do so with each new stream.
		return &Error{Code: codes.Unimplemented,
			Message: "the bridge does not know standby schedulers: update the bridge, or attach without standby"}
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTimeout)
	defer cancel()
	header := &pb.CallHeader{FrameworkName: a.request.GetFrameworkName(), AttachmentId: promoted.GetOpened().GetAttachmentId()}
	if _, err := a.client.ConfirmPromotion(ctx, &pb.ConfirmPromotionRequest{Header: header}); err != nil {
		return asError(err)
	}
	return nil
}

func (a *attachment) open(opened *Opened) {
	a.tokenRefused = false
	if opened.Resumed && a.resume != nil {
		a.resume = &pb.Resume{AttachmentId: opened.AttachmentID, AfterSequence: a.resume.AfterSequence}
	} else {
		a.resume, a.last = nil, opened.Sequence
	}
	a.set(func() {
		a.id = opened.AttachmentID
		if a.standby && !opened.Resumed {
			a.term++
		}
	})
}

// advance notes how far the stream was read. Pieces of an event count only with the last one: a resumption needs all.
func (a *attachment) advance(event *pb.SessionEvent) {
	sequence := event.GetSequence()
	if sequence > a.last && sequence-a.last > 1 {
		a.deliver(&Gap{Missing: sequence - a.last - 1})
	}
	a.last = sequence
	if a.resume == nil && event.GetProgress().GetSnapshotEnd() {
		a.resume = &pb.Resume{AttachmentId: a.id}
	}
	if a.resume != nil && !event.GetFragment() {
		a.resume = &pb.Resume{AttachmentId: a.resume.AttachmentId, AfterSequence: sequence}
	}
}
