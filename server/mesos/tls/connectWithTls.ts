import { connect, type TLSSocket } from "node:tls";
import type { ClientTls } from "./clientTls.js";
import { type TlsError, type TlsPeer, tlsErrorText } from "./tlsErrorText.js";

export interface TlsAddress {
  /** A name, or an IP address without brackets: the peer's certificate has to be for it. */
  readonly host: string;
  readonly port: number;
}

/**
 * Opens a TLS connection, and calls `onReady` once it stands and the peer's certificate was verified. An error of TLS
 * that the socket tells says in its `meaning` what it means.
 */
export function connectWithTls(address: TlsAddress, tls: ClientTls, peer: TlsPeer, onReady: () => void): TLSSocket {
  const { context, hasCertificate } = tls;
  // A name alone may be asked for.
  const servername = /^[\d.]+$|:/.test(address.host) ? {} : { servername: address.host };
  let ready = false;
  const socket = connect({ ...address, ...(context && { secureContext: context }), ...servername }, () => {
    ready = true;
    onReady();
  });
  let meaning: string | undefined;
  // Before anybody else hears of it. An alert is followed by the connection's end, which undici makes another error of.
  return socket.on("error", (error: TlsError) => {
    meaning ??= tlsErrorText(error, peer, { ready, showed: hasCertificate });
    if (meaning !== undefined) error.meaning = meaning;
  });
}
