import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/**
 * Opens a connection to a master, and calls `onReady` once it stands, for https with the master's certificate
 * verified. Errors and timeouts are the caller's business.
 *
 * @param tlsCa PEM certificates to trust in place of the system's.
 */
export function openSocket(master: URL, tlsCa: string | undefined, onReady: () => void): Socket {
  const host = master.hostname.replace(/^\[|\]$/g, "");
  const address = { host, port: portOf(master) };
  if (master.protocol !== "https:") return connectTcp(address, onReady).setNoDelay(true);
  const servername = /^[\d.]+$|:/.test(host) ? {} : { servername: host };
  const ca = tlsCa === undefined ? {} : { ca: tlsCa };
  return connectTls({ ...address, ...ca, ...servername }, onReady).setNoDelay(true);
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}
