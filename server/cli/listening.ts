import type { BridgeServer } from "../grpc/bridgeServer.js";
import { type ListenAddress, remoteIps, resolveListenAddress } from "../grpc/connections/listenAddress.js";
import { type Bound, ListenError } from "../grpc/connections/listener.js";
import type { Log } from "../log.js";
import type { ServeConfig } from "./serveConfig.js";

/** What protects the addresses that other machines reach. */
export interface Protection {
  readonly tls: boolean;
  readonly authentication: boolean;
}

/**
 * The addresses of `--listen`. One that other machines can reach needs protection, or consent.
 *
 * @throws Error with one line that says what to do
 */
export async function allowedAddresses(
  { listen, insecure }: Pick<ServeConfig, "listen" | "insecure">,
  protection: Protection,
): Promise<ListenAddress[]> {
  return Promise.all(listen.map((text) => allowedAddress(text, insecure, protection)));
}

async function allowedAddress(text: string, insecure: boolean, protection: Protection): Promise<ListenAddress> {
  const address = await resolveListenAddress(text).catch((error: Error) => {
    throw new Error(`--listen: ${text} can't be used: ${error.message}`);
  });
  const [remote] = remoteIps(address);
  const lacking = lackOf(protection);
  if (remote === undefined || lacking === undefined || insecure) return address;
  throw new Error(
    `--listen: ${text} ${asTold(text, remote)} not a loopback address, and ${lacking.what}: ` +
      `listen on 127.0.0.1, ${lacking.cure}, or add --insecure if you want this`,
  );
}

/** Leads over from an address, as it was typed, to what is said of the IP address that it means. */
export function asTold(text: string, ip: string): string {
  return text.startsWith(`${ip}:`) || text.startsWith(`[${ip}]:`) ? "is" : `means ${ip}, which is`;
}

interface Lack {
  readonly what: string;
  readonly cure: string;
  readonly risk: string;
}

const TLS_FLAGS = "--tls-cert and --tls-key";

function lackOf({ tls, authentication }: Protection): Lack | undefined {
  if (tls && authentication) return undefined;
  if (tls) {
    return {
      what: "the bridge does not authenticate its clients",
      cure: "add --tls-client-ca",
      risk: "it does not authenticate its clients: they control every framework",
    };
  }
  if (authentication) {
    return {
      what: "the bridge does not encrypt what it sends and gets",
      cure: `add ${TLS_FLAGS}`,
      risk: "it does not encrypt what it sends and gets: others on the network can read credentials and change calls",
    };
  }
  return {
    what: "the bridge does not authenticate its clients",
    cure: `add ${TLS_FLAGS} and --tls-client-ca`,
    risk: "it does not authenticate its clients: they control every framework",
  };
}

/** Another program listens on the address. */
export class AddressInUseError extends Error {
  override readonly name = "AddressInUseError";
}

/** Listens. Warns if other machines may reach it unprotected. @throws Error with one line that says why it can't */
export async function listenOn(
  server: BridgeServer,
  addresses: readonly ListenAddress[],
  protection: Protection,
  log: Log,
): Promise<Bound[]> {
  const bound = await server.listen(addresses).catch((error: unknown) => {
    if (!(error instanceof ListenError)) throw error;
    const { text } = error.address;
    if (error.inUse) throw new AddressInUseError(`--listen: ${text} is in use by another program`);
    throw new Error(`--listen: ${text} can't be used: ${error.message}`);
  });
  const lack = lackOf(protection);
  if (lack) for (const each of bound) warnOfRemote(each, lack, log);
  return bound;
}

function warnOfRemote({ address, port }: Bound, { risk }: Lack, log: Log): void {
  const addresses = remoteIps(address);
  if (addresses.length > 0) log.warn({ addresses, port }, `other machines may reach the bridge, and ${risk}`);
}
