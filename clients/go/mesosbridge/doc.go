// Package mesosbridge drives a Mesos framework through the Mesos bridge.
//
// A [Scheduler] attaches to the bridge, hands out typed events, and attaches again whenever its stream breaks:
//
//	scheduler, err := mesosbridge.New(mesosbridge.Options{
//		Bridge:        "127.0.0.1:50051",
//		FrameworkName: "example",
//		FrameworkInfo: &mesos.FrameworkInfo{User: proto.String("me")},
//	})
//	if err != nil {
//		return err
//	}
//	defer scheduler.Close()
//	for event, err := range scheduler.Events(ctx) {
//		if err != nil {
//			return err
//		}
//		if offers, ok := event.(*mesosbridge.Offers); ok {
//			err = scheduler.DeclineOffers(ctx, &pb.DeclineOffersRequest{OfferIds: offers.IDs()})
//		}
//	}
//
// An update counts as handled, and is acknowledged, when the body of that loop is done with it. Everything that
// fails is an [*Error], told apart by its Reason.
package mesosbridge

// Version of this module, and of the bridge that it was made with.
const Version = "0.1.0"
