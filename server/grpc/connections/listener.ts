import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { ListenAddress } from "./listenAddress.js";

/** Listens on the addresses of a name, all with the same port, and hands connections on. */
export class Listener {
  readonly #onConnection: (socket: Socket) => void;
  readonly #servers: Server[] = [];

  constructor(onConnection: (socket: Socket) => void) {
    this.#onConnection = onConnection;
  }

  /** Listens on all addresses. Gives the port. @throws Error if none of them can be used. */
  async listen(address: ListenAddress): Promise<number> {
    let { port } = address;
    let failure: unknown;
    for (const ip of address.ips) {
      try {
        port = await this.#listenOn(ip, port);
      } catch (error) {
        failure ??= error;
      }
    }
    // One of several is enough: a name may have an IPv6 address on a machine that has no IPv6.
    if (this.#servers.length === 0) throw failure;
    return port;
  }

  /** Takes no more connections. Existing ones stay. */
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
