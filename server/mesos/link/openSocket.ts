import { connect, type Socket } from "node:net";
import { type ClientTls, plainTls } from "../tls/clientTls.js";
import { connectWithTls } from "../tls/connectWithTls.js";
import type { TlsFlags } from "../tls/tlsFiles.js";

/** The options of TLS towards masters. */
export const MASTER_TLS: TlsFlags = { ca: "--master-ca", cert: "--master-cert", key: "--master-key" };

/**
 * When a connection without traffic is probed, in ms (and each second from then on, ten times, if nothing comes back).
 * What is between, a NAT or a load balancer, may forget a connection that is idle for as little as 20 s.
 */
const KEEPALIVE_MS = 10_000;

/**
 * Opens a connection to a master, and calls `onReady` once it stands, for https with the master's certificate
 * verified. Errors and timeouts are the caller's business.
 */
export type Connect = (master: URL, onReady: () => void) => Socket;

/** Connects over the network. @param tls default: no certificate, and the authorities that Node trusts */
export function connectWith(tls: ClientTls = plainTls): Connect {
  return (master, onReady) => openSocket(master, tls, onReady);
}

function openSocket(master: URL, tls: ClientTls, onReady: () => void): Socket {
  const address = { host: master.hostname.replace(/^\[|\]$/g, ""), port: portOf(master) };
  if (master.protocol !== "https:") return kept(connect(address, onReady));
  const peer = { where: master.host, flags: MASTER_TLS, ifPlain: "if it speaks plain HTTP, write http://" };
  return kept(connectWithTls(address, tls, peer, onReady));
}

function kept(socket: Socket): Socket {
  return socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_MS);
}

/** The port of a master, which its URL leaves out if it is that of its scheme. */
export function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
