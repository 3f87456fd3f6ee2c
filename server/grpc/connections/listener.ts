import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

/** Listens on the addresses of a name, all with the same port, and hands connections on. */
export class Listener {
  readonly #onConnection: (socket: Socket) => void;
  readonly #servers: Server[] = [];

  constructor(onConnection: (socket: Socket) => void) {
    this.#onConnection = onConnection;
  }

  /** Listens on `host:port`; port 0 takes any. Gives the port. @throws Error if no address of it can be used. */
  async listen(address: string): Promise<number> {
    const at = address.lastIndexOf(":");
    const host = address.slice(0, at).replace(/^\[|\]$/g, "");
    const found = await lookup(host, { all: true });
    let port = Number(address.slice(at + 1));
    let failure: unknown;
    for (const { address: ip } of found) {
      try {
        port = await this.#listenOn(ip, port);
      } catch (error) {
        failure ??= error;
      }
    }
    // One of several is enough: a name may have an IPv6 address on a machine that has no IPv6.
    if (this.#servers.length === 0) throw failure ?? new Error(`${host} has no address`);
    return port;
  }

  /** Takes no more connections. Those that stand go on. */
  close(): void {
    for (const server of this.#servers) server.close();
  }

  async #listenOn(host: string, port: number): Promise<number> {
    const server = createServer({ noDelay: true }, this.#onConnection);
    server.listen({ host, port });
    await once(server, "listening");
    // Without descriptors left, a connection fails, not the process.
    server.on("error", () => {});
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }
}
