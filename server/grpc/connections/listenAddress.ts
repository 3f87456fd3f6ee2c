import { lookup } from "node:dns/promises";
import { BlockList, isIPv6 } from "node:net";

/** Where to listen: the addresses that a name has on this machine, all with the same port. */
export interface ListenAddress {
  /** As it was given: host:port. */
  readonly text: string;
  readonly ips: readonly string[];
  /** 0 takes any. */
  readonly port: number;
}

/** IPv4 addresses that are written as IPv6 ones, such as ::ffff:127.0.0.1, match the rules for IPv4. */
const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

/**
 * Resolves `host:port` once, so that what is checked is what is listened on.
 *
 * @throws Error if the name has no address
 */
export async function resolveListenAddress(text: string): Promise<ListenAddress> {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[|\]$/g, "");
  const found = await lookup(host, { all: true });
  if (found.length === 0) throw new Error(`${host} has no address`);
  return { text, ips: found.map(({ address }) => address), port: Number(text.slice(at + 1)) };
}

/** The addresses on which other machines may reach the bridge. */
export function remoteIps({ ips }: ListenAddress): string[] {
  return ips.filter((ip) => !loopback.check(ip, isIPv6(ip) ? "ipv6" : "ipv4"));
}
