// A client for benchmarks, as bench/processes/client.ts is one: attaches to a bridge, or to a reference server that speaks
// the same method, tells when so many events have come, acknowledges what it gets, and makes calls. It does so with the
// generated stubs.
//
//	client [--count-only]
//
// With --count-only it decodes no events but only looks where each begins and ends, as the client in Node does.
package main

import (
	"os"
	"slices"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
)

func main() {
	client := &client{
		countOnly:     slices.Contains(os.Args[1:], "--count-only"),
		subscriptions: map[string]*subscription{},
	}
	lines.Serve(nil, map[string]lines.Handler{
		"attach":      lines.With(client.attach),
		"acknowledge": lines.With(client.acknowledge),
		"count":       lines.With(client.tally.expect),
		"makeCalls": lines.With(func(wanted calls) error {
			// Commands may follow meanwhile.
			go client.makeCalls(wanted)
			return nil
		}),
	})
}
