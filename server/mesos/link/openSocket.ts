import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

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

/** Connects over the network. @param tlsCa PEM certificates to trust in place of the system's. */
export function connectWith(tlsCa?: string): Connect {
  return (master, onReady) => openSocket(master, tlsCa, onReady);
}

function openSocket(master: URL, tlsCa: string | undefined, onReady: () => void): Socket {
  const host = master.hostname.replace(/^\[|\]$/g, "");
  const address = { host, port: portOf(master) };
  if (master.protocol !== "https:") return kept(connectTcp(address, onReady));
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const ca = tlsCa === undefined ? {} : { ca: tlsCa };
  return kept(connectTls({ ...address, ...ca, ...servername }, onReady));
}

function kept(socket: Socket): Socket {
  return socket.setNoDelay(true).setKeepAlive(true, KEEPALIVE_MS);
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
