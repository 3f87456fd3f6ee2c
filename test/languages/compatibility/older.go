// Command older is a scheduler over plain stubs, which uses nothing but what the first version of the API has.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	scheduler "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1/scheduler"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

type older struct {
	ctx                       context.Context
	client                    pb.SchedulerServiceClient
	header                    *pb.CallHeader
	count, launched, finished int
}

func main() {
	bridge := flag.String("bridge", "", "HOST:PORT")
	name := flag.String("framework-name", "", "of the session")
	count := flag.Int("tasks", 5, "how many")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	connection, err := grpc.NewClient("passthrough:///"+*bridge, grpc.WithTransportCredentials(insecure.NewCredentials()))
	must(err)
	client := pb.NewSchedulerServiceClient(connection)
	info := &mesos.FrameworkInfo{User: proto.String("root"), Name: proto.String(*name)}
	stream, err := client.Subscribe(ctx, &pb.SubscribeRequest{FrameworkName: *name, FrameworkInfo: info})
	must(err)
	o := &older{ctx: ctx, client: client, header: &pb.CallHeader{FrameworkName: *name}, count: *count}
	for o.finished < o.count {
		response, err := stream.Recv()
		must(err)
		for _, event := range response.GetEvents() {
			o.take(event)
		}
	}
	_, err = client.Teardown(ctx, &pb.TeardownRequest{Header: o.header})
	must(err)
	fmt.Printf("%d of %d finished, 0 failed\n", o.finished, o.count)
}

func (o *older) take(event *pb.SessionEvent) {
	if opened := event.GetOpened(); opened != nil {
		o.header.AttachmentId = opened.GetAttachmentId()
	}
	switch e := event.GetMesos(); e.GetType() {
	case scheduler.Event_OFFERS:
		for _, offer := range e.GetOffers().GetOffers() {
			o.use(offer)
		}
	case scheduler.Event_UPDATE:
		if token := event.GetAckToken(); token != "" {
			_, err := o.client.Acknowledge(o.ctx, &pb.AcknowledgeRequest{Header: o.header, AckTokens: []string{token}})
			must(err)
		}
		if e.GetUpdate().GetStatus().GetState() == mesos.TaskState_TASK_FINISHED {
			o.finished++
		}
	}
}

// use launches one task on an offer, or declines it.
func (o *older) use(offer *mesos.Offer) {
	offers, filters := []*mesos.OfferID{offer.GetId()}, &mesos.Filters{RefuseSeconds: proto.Float64(0)}
	if o.launched == o.count {
		_, err := o.client.DeclineOffers(o.ctx, &pb.DeclineOffersRequest{Header: o.header, OfferIds: offers})
		must(err)
		return
	}
	o.launched++
	id := fmt.Sprintf("older-%d", o.launched)
	task := &mesos.TaskInfo{
		Name: proto.String(id), TaskId: &mesos.TaskID{Value: proto.String(id)}, AgentId: offer.GetAgentId(),
		Resources: []*mesos.Resource{scalar("cpus", 0.1), scalar("mem", 32)},
		Command:   &mesos.CommandInfo{Value: proto.String("true")},
	}
	request := &pb.LaunchTasksRequest{Header: o.header, OfferIds: offers, Tasks: []*mesos.TaskInfo{task}, Filters: filters}
	_, err := o.client.LaunchTasks(o.ctx, request)
	must(err)
}

func scalar(name string, value float64) *mesos.Resource {
	return &mesos.Resource{
		Name: proto.String(name), Type: mesos.Value_SCALAR.Enum(), Scalar: &mesos.Value_Scalar{Value: proto.Float64(value)},
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
