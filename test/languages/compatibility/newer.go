// Command newer is a client of an API that the bridge does not have yet: it prints how the bridge answers what is new.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	mesos "github.com/mesos-bridge/mesos-bridge/clients/go/mesos/v1"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		panic(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	client := pb.NewSchedulerServiceClient(connection)

	_, err = client.FromTheFuture(ctx, &pb.FromTheFutureRequest{Text: "new"})
	fmt.Println("method:", status.Code(err))

	stream, err := client.Subscribe(ctx, &pb.SubscribeRequest{
		FrameworkName: "newer",
		FrameworkInfo: &mesos.FrameworkInfo{User: proto.String("root"), Name: proto.String("newer")},
		ExpiryPolicy:  pb.ExpiryPolicy_EXPIRY_POLICY_FROM_THE_FUTURE,
	})
	if err == nil {
		_, err = stream.Recv()
	}
	fmt.Println("enum value:", status.Code(err), reasonOf(err))
}

func reasonOf(err error) string {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok {
			return info.Reason
		}
	}
	return ""
}
