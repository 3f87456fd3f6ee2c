package main

import (
	"sync"

	"github.com/mesos-bridge/mesos-bridge/bench/go/lines"
	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// subscription is the stream of one framework's events.
type subscription struct {
	name    string
	tally   *tally
	receive func() (contents, error)

	mu               sync.Mutex
	attachmentID     string
	acknowledgements pb.SchedulerService_CallsClient
}

// contents are what a message held, as far as it is of use here.
type contents struct {
	// Events of Mesos.
	events int
	// Acknowledgements that are owed.
	ackTokens []string
	// Not empty in the message that opens the stream.
	attachmentID string
}

func (s *subscription) run() {
	for {
		got, err := s.receive()
		if err == nil {
			err = s.take(got)
		}
		if err != nil {
			lines.Fail(err)
			return
		}
	}
}

func (s *subscription) take(got contents) error {
	s.mu.Lock()
	if got.attachmentID != "" {
		s.attachmentID = got.attachmentID
		lines.Report("attached", lines.Fields{"frameworkName": s.name})
	}
	acknowledgements := s.acknowledgements
	s.mu.Unlock()
	if acknowledgements != nil && len(got.ackTokens) > 0 {
		if err := acknowledgements.Send(&pb.CallsRequest{AckTokens: got.ackTokens}); err != nil {
			return err
		}
	}
	s.tally.add(got.events)
	return nil
}

// acknowledge makes it acknowledge, on this stream, what comes from now on.
func (s *subscription) acknowledge(stream pb.SchedulerService_CallsClient) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acknowledgements = stream
}

func (s *subscription) header() *pb.CallHeader {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &pb.CallHeader{FrameworkName: s.name, AttachmentId: s.attachmentID}
}
