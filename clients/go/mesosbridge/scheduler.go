package mesosbridge

import (
	"context"
	"iter"
	"sync"
	"time"

	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// closeTimeout is how long Close tries to send what acknowledgements are owed.
const closeTimeout = 5 * time.Second

// Scheduler is a framework's scheduler, driven through the bridge. It attaches with the first use of Events, Channel
// or a call, and again whenever the stream breaks. Its methods may be called from several goroutines.
type Scheduler struct {
	options      Options
	bridges      *bridges
	client       pb.SchedulerServiceClient
	attachment   *attachment
	acknowledger *acknowledger
	events       chan Event
	// Between events and the program. Nil without Options.Standby.
	handout  *handout
	lifetime context.Context
	cancel   context.CancelFunc
	started  sync.Once
	// Closed when nothing of it runs any more.
	done chan struct{}

	mu sync.Mutex
	// Acknowledgements of updates that wait for the consumer, or are with it.
	unhandled map[string]bool
	err       *Error
}

// New makes a scheduler. It fails only for options that can't be: whether there is a bridge shows in the events.
func New(options Options) (*Scheduler, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	dialer, err := options.dialer()
	if err != nil {
		return nil, err
	}
	bridges, err := openBridges(options.Bridge, dialer)
	if err != nil {
		return nil, err
	}
	s := &Scheduler{
		options:   options,
		bridges:   bridges,
		client:    pb.NewSchedulerServiceClient(bridges),
		events:    make(chan Event, options.MaxBuffered),
		done:      make(chan struct{}),
		unhandled: map[string]bool{},
	}
	s.lifetime, s.cancel = context.WithCancel(context.Background())
	if options.Standby {
		s.handout = newHandout(s.events)
	}
	s.attachment = &attachment{
		client:           s.client,
		bridges:          bridges,
		request:          options.request(),
		backoff:          backoff{initial: options.BackoffInitial, max: options.BackoffMax},
		notices:          &notices{log: options.Logger, wantsOffers: len(options.SuppressedRoles) == 0},
		giveUpAfter:      options.GiveUpAfter,
		standby:          options.Standby,
		progressInterval: defaultProgressInterval,
		deliver:          s.deliver,
		changed:          make(chan struct{}),
	}
	s.acknowledger = newAcknowledger(s.sendAcknowledgements, func(ackToken string, err *Error) {
		s.put(&AcknowledgementRefused{AckToken: ackToken, Err: err})
	})
	return s, nil
}

// Events are the events, in order. An update is acknowledged once the body of the loop is done with it: the one at
// which the loop is left is not. The last pair has an error, always an *Error, unless the session ended in order:
// after Close, Teardown, CloseSession or HandOver. When ctx is done, its error ends the loop; the scheduler continues.
func (s *Scheduler) Events(ctx context.Context) iter.Seq2[Event, error] {
	events := s.Channel()
	return func(yield func(Event, error) bool) {
		for {
			select {
			case <-ctx.Done():
				yield(nil, asError(ctx.Err()))
				return
			case event, ok := <-events:
				if !ok {
					if err := s.Err(); err != nil {
						yield(nil, err)
					}
					return
				}
				if !yield(event, nil) {
					return
				}
				s.Handled(event)
			}
		}
	}
}

// Channel is what Events reads from; use it with select. Call Handled for each update. It is closed at the end; then
// Err says why.
func (s *Scheduler) Channel() <-chan Event {
	s.start()
	if s.handout != nil {
		return s.handout.events
	}
	return s.events
}

// term is that of the last Opened that the program has taken; always 0 without Options.Standby.
func (s *Scheduler) term() int {
	if s.handout == nil {
		return 0
	}
	return s.handout.term()
}

// Handled acknowledges an update, and does nothing for other events. It waits while 10,000 acknowledgements are owed.
func (s *Scheduler) Handled(event Event) {
	token := ackTokenOf(event)
	if token == "" {
		return
	}
	if !s.options.ManualAcknowledge {
		s.acknowledger.add(token)
	}
	s.mu.Lock()
	delete(s.unhandled, token)
	s.mu.Unlock()
	s.acknowledger.waitUntil(s.lifetime, maxOwed)
}

// Err is why the events ended, once they have; nil while they continue, or if they ended regularly.
func (s *Scheduler) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		return nil
	}
	return s.err
}

// Close detaches: the session and its tasks continue for the lease. First it sends the pending acknowledgements, for at
// most 5 s.
func (s *Scheduler) Close() error {
	s.started.Do(func() { close(s.events); close(s.done) })
	ctx, cancel := context.WithTimeout(s.lifetime, closeTimeout)
	defer cancel()
	s.acknowledger.waitUntil(ctx, 1)
	s.cancel()
	<-s.done
	if s.handout != nil {
		s.handout.stop()
	}
	return s.bridges.Close()
}

func (s *Scheduler) start() {
	s.started.Do(func() { go s.run() })
}

func (s *Scheduler) run() {
	acknowledging := make(chan struct{})
	go func() {
		defer close(acknowledging)
		s.acknowledger.run(s.lifetime)
	}()
	err := s.attachment.run(s.lifetime)
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	// What is still owed can't be sent any more; the bridge's next snapshot brings those updates again.
	s.cancel()
	<-acknowledging
	close(s.events)
	close(s.done)
}

func (s *Scheduler) deliver(event Event) {
	token := ackTokenOf(event)
	if token != "" {
		s.mu.Lock()
		// A snapshot repeats what it does not know to be handled: what we have already must not come twice.
		again := s.unhandled[token] || s.acknowledger.has(token)
		s.unhandled[token] = true
		s.mu.Unlock()
		if again {
			return
		}
	}
	s.put(event)
}

func (s *Scheduler) put(event Event) {
	select {
	case s.events <- event:
	case <-s.lifetime.Done():
	}
}

func (s *Scheduler) sendAcknowledgements(ctx context.Context, ackTokens []string) error {
	err := s.Acknowledge(ctx, ackTokens...)
	if err != nil && s.attachment.hasEnded() {
		// Once the session has ended no acknowledgement is refused: they just can't be sent any more.
		s.cancel()
	}
	return err
}
