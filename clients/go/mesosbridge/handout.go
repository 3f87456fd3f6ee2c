package mesosbridge

import "context"

// handout hands out events to a program one at a time, so that it knows which of them the program has taken: a program
// may still be busy with offers of one term when the attachment is in the next.
type handout struct {
	events chan Event
	terms  chan int
	// Gives up what the program has not taken.
	stop context.CancelFunc
}

func newHandout(queue <-chan Event) *handout {
	ctx, stop := context.WithCancel(context.Background())
	h := &handout{events: make(chan Event), terms: make(chan int), stop: stop}
	go h.run(ctx, queue)
	return h
}

// term counts how often the program was told that another scheduler may have been active before it.
func (h *handout) term() int { return <-h.terms }

// run ends with the queue, or with ctx.
func (h *handout) run(ctx context.Context, queue <-chan Event) {
	defer close(h.events)
	defer close(h.terms)
	term := 0
	// One of them is nil: it takes the next event from the queue only when the program has the last one.
	from, to := queue, chan Event(nil)
	var next Event
	var more bool
	for {
		select {
		case next, more = <-from:
			if !more {
				return
			}
			from, to = nil, h.events
		case to <- next:
			from, to = queue, nil
			if opened, ok := next.(*Opened); ok && !opened.Resumed {
				term++
			}
		case h.terms <- term:
		case <-ctx.Done():
			return
		}
	}
}
