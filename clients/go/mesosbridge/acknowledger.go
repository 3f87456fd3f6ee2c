package mesosbridge

import (
	"context"
	"sync"
	"time"
)

const (
	// The bridge takes 10,000 at once; smaller batches come back sooner.
	maxAckBatch = 1_000
	// Above this many owed acknowledgements the consumer waits.
	maxOwed  = 10_000
	ackRetry = 250 * time.Millisecond
)

// acknowledger sends acknowledgements in the order in which they were added, in batches: while one is on its way the
// next fills up. What fails is sent again until the bridge takes it, refuses it, or the context is done.
type acknowledger struct {
	send    func(ctx context.Context, ackTokens []string) error
	refused func(ackToken string, err *Error)

	mu      sync.Mutex
	owed    []string
	known   map[string]bool
	changed chan struct{}
}

func newAcknowledger(send func(context.Context, []string) error, refused func(string, *Error)) *acknowledger {
	return &acknowledger{send: send, refused: refused, known: map[string]bool{}, changed: make(chan struct{})}
}

// has is true while this acknowledgement was added and not yet confirmed.
func (a *acknowledger) has(ackToken string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.known[ackToken]
}

func (a *acknowledger) add(ackToken string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.known[ackToken] {
		a.known[ackToken] = true
		a.owed = append(a.owed, ackToken)
		a.wake()
	}
}

func (a *acknowledger) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// waitUntil waits until fewer than limit are owed, or the context is done.
func (a *acknowledger) waitUntil(ctx context.Context, limit int) {
	for {
		a.mu.Lock()
		owed, changed := len(a.owed), a.changed
		a.mu.Unlock()
		if owed < limit {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// run sends until the context is done.
func (a *acknowledger) run(ctx context.Context) {
	size := maxAckBatch
	for {
		a.mu.Lock()
		batch, changed := a.owed[:min(size, len(a.owed))], a.changed
		a.mu.Unlock()
		if len(batch) > 0 {
			size = a.sendOne(ctx, batch, size)
		} else {
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// sendOne gives the size of the next batch. After a refusal each token goes alone, to find the bad one.
func (a *acknowledger) sendOne(ctx context.Context, batch []string, size int) int {
	if failure := a.send(ctx, batch); failure != nil {
		err := asError(failure)
		switch {
		case ctx.Err() != nil:
			return size
		case err.Retryable() || err.OutcomeUnknown():
			pause(ctx, ackRetry)
			return size
		case len(batch) > 1:
			return 1
		}
		a.refused(batch[0], err)
		size = maxAckBatch
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, token := range batch {
		delete(a.known, token)
	}
	a.owed = a.owed[len(batch):]
	a.wake()
	return size
}
