// Package lines is how a program talks with the benchmark that started it: commands come on stdin and reports go to
// stdout, as JSON objects, one per line.
package lines

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// Fields are what a report tells beside its kind.
type Fields map[string]any

// Handler does what a command asks for. What follows is not read before it is done.
type Handler func(value json.RawMessage) error

var writing sync.Mutex

// Report tells the benchmark something.
func Report(kind string, fields Fields) {
	report := Fields{"kind": kind}
	for name, value := range fields {
		report[name] = value
	}
	line, err := json.Marshal(report)
	if err != nil {
		panic(err)
	}
	writing.Lock()
	defer writing.Unlock()
	// Nobody listens any more: then stdin ends too.
	_, _ = os.Stdout.Write(append(line, '\n'))
}

// Fail tells the benchmark that something went wrong, which ends it.
func Fail(err error) {
	Report("error", Fields{"message": err.Error()})
}

// Serve reports that the program is ready, and then handles commands until stdin ends.
func Serve(ready Fields, handlers map[string]Handler) {
	Report("ready", ready)
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err == nil {
			err = handle(line, handlers)
		}
		if err != nil {
			Fail(err)
			return
		}
	}
}

func handle(line []byte, handlers map[string]Handler) error {
	var told struct {
		Command string          `json:"command"`
		Value   json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal(line, &told); err != nil {
		return err
	}
	handler, ok := handlers[told.Command]
	if !ok {
		return fmt.Errorf("unknown command %s", told.Command)
	}
	return handler(told.Value)
}

// With makes a handler of a function that takes the command's value decoded.
func With[T any](do func(value T) error) Handler {
	return func(raw json.RawMessage) error {
		var value T
		if err := json.Unmarshal(raw, &value); err != nil {
			return err
		}
		return do(value)
	}
}
