import { readFileSync } from "node:fs";
import type { Socket } from "node:net";

/** The number of a timer of a socket that is for keepalive, in /proc/net/tcp. */
const KEEPALIVE = "02";
/** Ticks of the clock in which that file counts. */
const TICKS_PER_SECOND = 100;

/** True where `probedInMs` can tell: user space does not see probes, so the kernel's timer is looked at. */
export const kernelTellsTimers = process.platform === "linux";

/** When the peer's end of a connection will probe it next, in ms, if nothing comes; undefined if it won't. For IPv4. */
export function probedInMs({ remotePort = 0, localPort = 0 }: Socket): number | undefined {
  const [theirs, ours] = [remotePort, localPort].map((port) => port.toString(16).toUpperCase().padStart(4, "0"));
  for (const line of readFileSync("/proc/net/tcp", "latin1").split("\n")) {
    const [, local, remote, , , timer] = line.trim().split(/\s+/);
    if (!local?.endsWith(`:${theirs}`) || !remote?.endsWith(`:${ours}`)) continue;
    const [kind, when = ""] = timer?.split(":") ?? [];
    return kind === KEEPALIVE ? (Number.parseInt(when, 16) * 1_000) / TICKS_PER_SECOND : undefined;
  }
  throw new Error(`the kernel knows no connection from ${remotePort} to ${localPort}`);
}
