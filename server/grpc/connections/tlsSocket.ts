import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/**
 * The TCP socket under a TLS socket of a server. Node keeps it to itself, but a failed handshake must be told with the
 * connection that it was on, which the TLS socket may have lost by then.
 */
export function tcpSocketOf(socket: TLSSocket): Socket {
  const { _parent } = socket as unknown as { _parent?: Socket };
  if (!_parent) throw new Error("this version of Node hides the TCP socket of a TLS socket");
  return _parent;
}
