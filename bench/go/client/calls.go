package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// calls are what makeCalls is asked for. They are made as fast as they are answered.
type calls struct {
	FrameworkName string  `json:"frameworkName"`
	Count         int     `json:"count"`
	Rate          float64 `json:"rate"`
	Unary         bool    `json:"unary"`
	// Calls that wait for an answer at a time.
	Window int `json:"window"`
}

func (c *client) makeCalls(wanted calls) {
	seconds, err := c.answered(wanted)
	if err != nil {
		lines.Fail(err)
		return
	}
	lines.Report("answered", lines.Fields{"seconds": seconds})
}

// answered makes the calls, and gives the seconds until the last one was answered.
func (c *client) answered(wanted calls) (float64, error) {
	if wanted.Rate != 0 {
		return 0, errors.New("this client knows no rate: only 0, as fast as calls are answered")
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	stream, s, err := c.callsStream(ctx, wanted.FrameworkName)
	if err != nil {
		return 0, err
	}
	begun := time.Now()
	if wanted.Unary {
		err = c.oneByOne(ctx, &pb.CallRequest{Header: s.header(), Call: revive}, wanted)
	} else {
		err = streamed(stream, wanted)
	}
	return time.Since(begun).Seconds(), err
}

func streamed(stream pb.SchedulerService_CallsClient, wanted calls) error {
	waiting := make(chan struct{}, wanted.Window)
	failed := make(chan error, 1)
	go func() {
		request := &pb.CallsRequest{Call: revive}
		for range wanted.Count {
			waiting <- struct{}{}
			if err := stream.Send(request); err != nil {
				failed <- err
				return
			}
		}
	}()
	for left := wanted.Count; left > 0; {
		answers, err := stream.Recv()
		if err == nil {
			err = refusal(answers)
		}
		if err != nil {
			return err
		}
		for range answers.GetResults() {
			<-waiting
			left--
		}
	}
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func (c *client) oneByOne(ctx context.Context, request *pb.CallRequest, wanted calls) error {
	var group sync.WaitGroup
	var begun atomic.Int64
	failures := make([]error, wanted.Window)
	for i := range wanted.Window {
		group.Go(func() {
			for failures[i] == nil && begun.Add(1) <= int64(wanted.Count) {
				_, failures[i] = c.stubs.Call(ctx, request)
			}
		})
	}
	group.Wait()
	return errors.Join(failures...)
}
