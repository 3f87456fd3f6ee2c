import { resolve } from "node:path";
import { type Channel, ChannelCredentials, type ChannelOptions, createChannel } from "nice-grpc";
import type { TlsOptions } from "./access.js";
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

/** How a channel connects. */
export interface ChannelSettings {
  /** `http://[USER:PASSWORD@]HOST:PORT` of a proxy to go through. Default: none, whatever the environment says. */
  proxy?: string | undefined;
  /** Uses TLS. Default: plain text. */
  tls?: TlsOptions | undefined;
}

/**
 * Opens a channel to a bridge: large messages, HTTP/2 keepalive, quick reconnects. It connects with the first call.
 *
 * @param address  `HOST:PORT` or `unix:/PATH`
 * @throws OptionError when `proxy` is not a proxy
 */
export function openChannel(address: string, { proxy, tls }: ChannelSettings = {}): Channel {
  const credentials = credentialsOf(tls);
  const options = { ...OPTIONS, ...serverNameOptions(tls) };
  if (proxy === undefined) return createChannel(targetOf(address), credentials, options);
  const { address: proxyAddress, credentials: proxyCredentials } = parseHttpProxy(proxy);
  return createChannel(proxyAddress, credentials, {
    ...options,
    "grpc.default_authority": tls?.serverName ?? address,
    "grpc.http_connect_target": `dns:${address}`,
    ...(proxyCredentials !== undefined && { "grpc.http_connect_creds": proxyCredentials }),
  });
}

function credentialsOf(tls: TlsOptions | undefined): ChannelCredentials {
  if (tls === undefined) return ChannelCredentials.createInsecure();
  const buffer = (pem: string | Uint8Array | undefined) => (pem === undefined ? null : Buffer.from(pem));
  return ChannelCredentials.createSsl(buffer(tls.ca), buffer(tls.key), buffer(tls.cert));
}

function serverNameOptions(tls: TlsOptions | undefined): ChannelOptions {
  if (tls?.serverName === undefined) return {};
  return { "grpc.ssl_target_name_override": tls.serverName, "grpc.default_authority": tls.serverName };
}

/** nice-grpc knows sockets only as URLs. */
function targetOf(address: string): string {
  return address.startsWith("unix:") ? `unix://${resolve(address.replace(/^unix:(\/\/)?/, ""))}` : address;
}
