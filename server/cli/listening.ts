import type { BridgeServer } from "../grpc/bridgeServer.js";
import { type ListenAddress, remoteIps, resolveListenAddress } from "../grpc/connections/listenAddress.js";
import type { Log } from "../log.js";
import type { ServeConfig } from "./serveConfig.js";

/**
 * The addresses of `--listen`. Clients are not authenticated, so an address that other machines can reach needs consent.
 *
 * @throws Error with one line that says what to do
 */
export async function allowedAddress({ listen, insecure }: ServeConfig): Promise<ListenAddress> {
  const address = await resolveListenAddress(listen).catch((error: Error) => {
    throw new Error(`--listen: ${listen} can't be used: ${error.message}`);
  });
  const [remote] = remoteIps(address);
  if (remote === undefined || insecure) return address;
  const which =
    listen.startsWith(`${remote}:`) || listen.startsWith(`[${remote}]:`) ? "is" : `means ${remote}, which is`;
  throw new Error(
    `--listen: ${listen} ${which} not a loopback address, and the bridge does not authenticate its clients: ` +
      "listen on 127.0.0.1, or add --insecure if you want this",
  );
}

/** Another program listens on the address. */
export class AddressInUseError extends Error {
  override readonly name = "AddressInUseError";
}

/** Gives the port. Warns if other machines may reach it. @throws Error with one line that says why it can't be used */
export async function listenOn(server: BridgeServer, address: ListenAddress, log: Log): Promise<number> {
  const port = await server.listen(address).catch(({ message }: Error) => {
    if (message.includes("EADDRINUSE")) {
      throw new AddressInUseError(`--listen: ${address.text} is in use by another program`);
    }
    throw new Error(`--listen: ${address.text} can't be used: ${message}`);
  });
  const remote = remoteIps(address);
  if (remote.length > 0) {
    log.warn(
      { addresses: remote, port },
      "other machines may reach the bridge, and it does not authenticate its clients: they control every framework",
    );
  }
  return port;
}
