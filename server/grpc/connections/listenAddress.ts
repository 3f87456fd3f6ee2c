import { lookup } from "node:dns/promises";
import { BlockList, isIPv6 } from "node:net";

/** Where to listen: the addresses that a name has on this machine, all with the same port. */
export interface TcpAddress {
  readonly kind: "tcp";
  /** As it was given: host:port. */
  readonly text: string;
  readonly ips: readonly string[];
  /** 0 takes any. */
  readonly port: number;
}

/** A unix socket. Its file's mode says who may connect. */
export interface SocketAddress {
  readonly kind: "unix";
  /** `unix:/path` */
  readonly text: string;
  readonly path: string;
}

export type ListenAddress = TcpAddress | SocketAddress;

/** IPv4 addresses that are written as IPv6 ones, such as ::ffff:127.0.0.1, match the rules for IPv4. */
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

const UNIX = "unix:";

/**
 * Reads `host:port` or `unix:/path`. A host is resolved once, so that what is checked is what is listened on.
 *
 * @throws Error if the name has no address
 */
export async function resolveListenAddress(text: string): Promise<ListenAddress> {
  if (text.startsWith(UNIX)) return { kind: "unix", text, path: text.slice(UNIX.length) };
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[|\]$/g, "");
  const found = await lookup(host, { all: true });
  if (found.length === 0) throw new Error(`${host} has no address`);
  return { kind: "tcp", text, ips: found.map(({ address }) => address), port: Number(text.slice(at + 1)) };
}

/** The addresses on which other machines may reach the bridge. */
export function remoteIps(address: ListenAddress): string[] {
  if (address.kind === "unix") return [];
  return address.ips.filter((ip) => !loopback.check(ip, isIPv6(ip) ? "ipv6" : "ipv4"));
}
