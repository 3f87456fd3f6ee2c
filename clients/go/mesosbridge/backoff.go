package mesosbridge

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff waits exponentially with full jitter: each wait is random between 0 and a bound that doubles.
type backoff struct {
	initial, max time.Duration
	attempts     int
}

func (b *backoff) next() time.Duration {
	bound := min(b.max, b.initial<<min(b.attempts, 20))
	b.attempts++
	return rand.N(max(bound, 1))
}

// pause waits, and returns early when the context is done.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
