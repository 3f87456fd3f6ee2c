import { type Channel, type ChannelOptions, createChannel } from "nice-grpc";
import { parseHttpProxy } from "./httpProxy.js";

/** One OFFERS piece is about 1 MiB, and a single offer may be larger: gRPC's own limit of 4 MiB is not ours. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

const OPTIONS: ChannelOptions = {
  // gRPC would take a proxy from the environment, which is meant for the web and seldom knows the way to a bridge.
  "grpc.enable_http_proxy": 0,
  "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  // Attaching again has a backoff of its own; the channel's must not come on top of it.
  "grpc.initial_reconnect_backoff_ms": 100,
  "grpc.max_reconnect_backoff_ms": 2_000,
};

/**
 * Opens a channel to a bridge: large messages, HTTP/2 keepalive, quick reconnects. It connects with the first call.
 *
 * @param address  `HOST:PORT`
 * @param proxy  `http://[USER:PASSWORD@]HOST:PORT` of a proxy to go through. Default: none, whatever the environment says
 * @throws TypeError when `proxy` is not that
 */
export function openChannel(address: string, proxy?: string): Channel {
  if (proxy === undefined) return createChannel(address, undefined, OPTIONS);
  const { address: proxyAddress, credentials } = parseHttpProxy(proxy);
  return createChannel(proxyAddress, undefined, {
    ...OPTIONS,
    "grpc.default_authority": address,
    "grpc.http_connect_target": `dns:${address}`,
    ...(credentials !== undefined && { "grpc.http_connect_creds": credentials }),
  });
}
