// Command launch launches one task within the trace of TRACEPARENT, and sees it finish.
package main

import (
	"context"
	"os"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	"github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	info := &mesos.FrameworkInfo{User: proto.String("root"), Name: proto.String("traced-go")}
	scheduler, err := mesosbridge.New(mesosbridge.Options{
		Bridge: os.Args[1], FrameworkName: "traced-go", FrameworkInfo: info,
	})
	if err != nil {
		panic(err)
	}
	launched := false
	for event, err := range scheduler.Events(ctx) {
		if err != nil {
			panic(err)
		}
		switch e := event.(type) {
		case *mesosbridge.Offers:
			if launched {
				continue
			}
			launched = true
			traced := metadata.AppendToOutgoingContext(ctx, "traceparent", os.Getenv("TRACEPARENT"))
			if _, err := scheduler.LaunchTasks(traced, launch(e.Offers[0])); err != nil {
				panic(err)
			}
		case *mesosbridge.Update:
			if e.Status.GetState() == mesos.TaskState_TASK_FINISHED {
				if err := scheduler.Teardown(ctx); err != nil {
					panic(err)
				}
				return
			}
		}
	}
}

func launch(offer *mesos.Offer) *pb.LaunchTasksRequest {
	task := &mesos.TaskInfo{
		Name:      proto.String("traced"),
		TaskId:    &mesos.TaskID{Value: proto.String("traced-go-task")},
		AgentId:   offer.GetAgentId(),
		Resources: mesosbridge.NewPool(offer.GetResources()).Take(0.1, 32),
		Command:   &mesos.CommandInfo{Value: proto.String("true")},
	}
	return &pb.LaunchTasksRequest{OfferIds: []*mesos.OfferID{offer.GetId()}, Tasks: []*mesos.TaskInfo{task}}
}
