import { type Channel, createChannel } from "nice-grpc";

/** One OFFERS piece is about 1 MiB, and a single offer may be larger: gRPC's own limit of 4 MiB is not ours. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

/**
 * Opens a channel to a bridge: large messages, HTTP/2 keepalive, quick reconnects. It connects with the first call.
 *
 * @param address  `HOST:PORT`
 */
export function openChannel(address: string): Channel {
  return createChannel(address, undefined, {
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
    "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    // Attaching again has a backoff of its own; the channel's must not come on top of it.
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
  });
}
