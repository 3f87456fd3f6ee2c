package main

import (
	"fmt"

	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/proto" // The codec that requests are written with.
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"

	pb "github.com/mesos-bridge/mesos-bridge/clients/go/mesosbridge/v1"
)

// decoded receives a message as users do: the stubs decode all that it holds.
func decoded(stream pb.SchedulerService_SubscribeClient) (contents, error) {
	var got contents
	message, err := stream.Recv()
	if err != nil {
		return got, err
	}
	for _, event := range message.GetEvents() {
		if event.GetMesos() != nil {
			got.events++
		}
		if token := event.GetAckToken(); token != "" {
			got.ackTokens = append(got.ackTokens, token)
		}
		if opened := event.GetOpened(); opened != nil {
			got.attachmentID = opened.GetAttachmentId()
		}
	}
	return got, nil
}

// walked receives a message with a walkingCodec.
func walked(stream pb.SchedulerService_SubscribeClient) (got contents, err error) {
	err = stream.RecvMsg(&got)
	return got, err
}

// walkingCodec writes messages as always, and reads *contents.
type walkingCodec struct{}

func (walkingCodec) Name() string { return "proto" }

func (walkingCodec) Marshal(message any) (mem.BufferSlice, error) {
	return encoding.GetCodecV2("proto").Marshal(message)
}

func (walkingCodec) Unmarshal(data mem.BufferSlice, message any) error {
	got, ok := message.(*contents)
	if !ok {
		return fmt.Errorf("can't read into %T", message)
	}
	buffer := data.MaterializeToBuffer(mem.DefaultBufferPool())
	defer buffer.Free()
	return fields(buffer.ReadOnlyData(), func(field protowire.Number, event []byte) error {
		if field != 1 {
			return nil
		}
		return fields(event, got.take)
	})
}

// take looks at a field of a SessionEvent.
func (c *contents) take(field protowire.Number, value []byte) error {
	switch field {
	case 3:
		c.ackTokens = append(c.ackTokens, string(value))
	case 10:
		return fields(value, func(field protowire.Number, value []byte) error {
			if field == 1 {
				c.attachmentID = string(value)
			}
			return nil
		})
	case 11:
		c.events++
	}
	return nil
}

// fields calls back with each field of a message that has a length, and skips the others.
func fields(message []byte, take func(field protowire.Number, value []byte) error) error {
	for len(message) > 0 {
		field, kind, length := protowire.ConsumeTag(message)
		if length < 0 {
			return protowire.ParseError(length)
		}
		message = message[length:]
		if kind != protowire.BytesType {
			if length = protowire.ConsumeFieldValue(field, kind, message); length < 0 {
				return protowire.ParseError(length)
			}
			message = message[length:]
			continue
		}
		value, length := protowire.ConsumeBytes(message)
		if length < 0 {
			return protowire.ParseError(length)
		}
		if err := take(field, value); err != nil {
			return err
		}
		message = message[length:]
	}
	return nil
}
