package main

import (
	"context"
	"fmt"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// As docs/languages/go.md tells users to.
const maxMessageBytes = 256 << 20

type client struct {
	countOnly bool
	tally     tally
	stubs     pb.SchedulerServiceClient

	mu            sync.Mutex
	subscriptions map[string]*subscription
}

type attachTo struct {
	Address        string   `json:"address"`
	FrameworkNames []string `json:"frameworkNames"`
}

func (c *client) attach(to attachTo) error {
	conn, err := grpc.NewClient(to.Address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)))
	if err != nil {
		return err
	}
	c.stubs = pb.NewSchedulerServiceClient(conn)
	for _, name := range to.FrameworkNames {
		if err := c.subscribe(name); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) subscribe(name string) error {
	var options []grpc.CallOption
	if c.countOnly {
		options = append(options, grpc.ForceCodecV2(walkingCodec{}))
	}
	stream, err := c.stubs.Subscribe(context.Background(), &pb.SubscribeRequest{
		FrameworkName: name,
		FrameworkInfo: &mesos.FrameworkInfo{User: proto.String("root"), Name: proto.String("bench")},
	}, options...)
	if err != nil {
		return err
	}
	receive := func() (contents, error) { return decoded(stream) }
	if c.countOnly {
		receive = func() (contents, error) { return walked(stream) }
	}
	s := &subscription{name: name, tally: &c.tally, receive: receive}
	c.mu.Lock()
	c.subscriptions[name] = s
	c.mu.Unlock()
	go s.run()
	return nil
}

func (c *client) acknowledge(frameworkNames []string) error {
	for _, name := range frameworkNames {
		stream, s, err := c.callsStream(context.Background(), name)
		if err != nil {
			return err
		}
		go func() {
			for {
				answers, err := stream.Recv()
				if err == nil {
					err = refusal(answers)
				}
				if err != nil {
					lines.Fail(err)
					return
				}
			}
		}()
		s.acknowledge(stream)
		lines.Report("acknowledging", lines.Fields{"frameworkName": name})
	}
	return nil
}

// callsStream opens a stream of calls. Its first message tells who calls, and has been answered: what became of the call
// in it does not matter, as the bridge may just be about to subscribe.
func (c *client) callsStream(ctx context.Context, name string) (pb.SchedulerService_CallsClient, *subscription, error) {
	c.mu.Lock()
	s, ok := c.subscriptions[name]
	c.mu.Unlock()
	if !ok {
		return nil, nil, fmt.Errorf("%s is not attached", name)
	}
	stream, err := c.stubs.Calls(ctx)
	if err != nil {
		return nil, nil, err
	}
	if err := stream.Send(&pb.CallsRequest{Header: s.header(), Call: revive}); err != nil {
		return nil, nil, err
	}
	_, err = stream.Recv()
	return stream, s, err
}

var revive = &scheduler.Call{Type: scheduler.Call_REVIVE.Enum()}

func refusal(answers *pb.CallsResponse) error {
	for _, result := range answers.GetResults() {
		if result.GetCode() != 0 {
			return fmt.Errorf("a call was refused: %s", result.GetMessage())
		}
	}
	return nil
}
