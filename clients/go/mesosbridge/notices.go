package mesosbridge

import (
	"log/slog"
	"sync"
	"time"
)

// waitForOffers is when a scheduler says that it waits for offers. They come within one or two of Mesos's allocation
// intervals, of 1 s each.
const waitForOffers = 5 * time.Second

// notices logs once what a scheduler waits for, not with each try.
type notices struct {
	log *slog.Logger

	mu sync.Mutex
	// True until there were offers, or the log says that none came.
	wantsOffers bool
	lost        bool
	linked      bool
	timer       *time.Timer
}

// failed notes that an attempt to attach failed, and that another one follows.
func (n *notices) failed(err *Error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.lost {
		n.log.Warn("not attached to the bridge: " + err.Error() + "; trying again")
	}
	n.lost = true
	n.stop()
}

func (n *notices) seen(event Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch e := event.(type) {
	case *Standby:
		n.log.Info("on standby: another scheduler of the framework may be active")
		n.lost = false
		// Offers come only after the promotion.
		n.stop()
	case *Opened:
		if n.lost {
			n.log.Info("attached to the bridge")
		}
		n.lost, n.linked = false, e.Linked
		if n.wantsOffers && n.timer == nil {
			n.timer = time.AfterFunc(waitForOffers, n.noOffers)
		}
	case *LinkChanged:
		n.linked = e.Linked
	case *Offers, *Update:
		n.wantsOffers = false
		n.stop()
	}
}

func (n *notices) noOffers() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.wantsOffers || n.timer == nil {
		return
	}
	n.wantsOffers = false
	what := "offers"
	if !n.linked {
		what = "a Mesos master, which the bridge does not have yet"
	}
	n.log.Warn("attached to the bridge, and waiting for " + what)
}

func (n *notices) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wantsOffers = false
	n.stop()
}

// stop is called with the lock.
func (n *notices) stop() {
	if n.timer != nil {
		n.timer.Stop()
		n.timer = nil
	}
}
