package main

import (
	"sync"
	"syscall"
	"time"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
)

// tally counts events, and reports when as many have come as are expected.
type tally struct {
	mu               sync.Mutex
	events, messages int
	expected         int
	begun            time.Time
	processorBefore  float64
}

func (t *tally) expect(events int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.events, t.messages, t.expected = 0, 0, events
	t.begun, t.processorBefore = time.Now(), processorSeconds()
	lines.Report("counting", nil)
	return nil
}

// add counts a message with so many events.
func (t *tally) add(events int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.expected == 0 {
		return
	}
	t.messages++
	t.events += events
	if t.events < t.expected {
		return
	}
	t.expected = 0
	lines.Report("counted", lines.Fields{
		"events":           t.events,
		"messages":         t.messages,
		"seconds":          time.Since(t.begun).Seconds(),
		"processorSeconds": processorSeconds() - t.processorBefore,
	})
}

// processorSeconds is the processor time of this process, all threads together.
func processorSeconds() float64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano()).Seconds()
}
