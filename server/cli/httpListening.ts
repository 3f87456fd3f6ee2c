import { type ListenAddress, remoteIps, resolveListenAddress } from "../grpc/connections/listenAddress.js";
import { ListenError } from "../grpc/connections/listener.js";
import type { HttpServer } from "../http/httpServer.js";
import type { Log } from "../log.js";
import { AddressInUseError, asTold } from "./listening.js";
import type { ServeConfig } from "./serveConfig.js";

/**
 * The address of `--http`, if it is given. It has neither TLS nor authentication, so other machines may reach it only with
 * consent, and not at all once clients are authenticated: it would tell strangers what they may not ask for.
 *
 * @throws Error with one line that says what to do
 */
export async function allowedHttpAddress(
  { http, listen, insecure }: Pick<ServeConfig, "http" | "listen" | "insecure">,
  authentication: boolean,
): Promise<ListenAddress | undefined> {
  if (http === undefined) return undefined;
  if (!http.endsWith(":0") && listen.includes(http)) {
    throw new Error(`--http: ${http} is an address of --listen: give it one of its own`);
  }
  const address = await resolveListenAddress(http).catch((error: Error) => {
    throw new Error(`--http: ${http} can't be used: ${error.message}`);
  });
  const [remote] = remoteIps(address);
  if (remote === undefined || (insecure && !authentication)) return address;
  const which = `--http: ${http} ${asTold(http, remote)} not a loopback address`;
  if (authentication) {
    throw new Error(
      `${which}, and whoever reads /metrics is not authenticated: use 127.0.0.1 or unix:/path, because clients are`,
    );
  }
  throw new Error(
    `${which}, and it has no TLS and no authentication: use 127.0.0.1, or add --insecure if you want this`,
  );
}

/** Listens, and gives the address as scrapers name it. @throws Error with one line that says why it can't */
export async function listenForHttp(server: HttpServer, address: ListenAddress, log: Log): Promise<string> {
  const { text, port } = await server.listen(address).catch((error: unknown) => {
    if (!(error instanceof ListenError)) throw error;
    if (error.inUse) throw new AddressInUseError(`--http: ${address.text} is in use by another program`);
    throw new Error(`--http: ${address.text} can't be used: ${error.message}`);
  });
  const addresses = remoteIps(address);
  if (addresses.length > 0)
    log.warn({ addresses, port }, "other machines may read the probes and metrics of the bridge");
  return text;
}
