import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { errorText } from "../../../wire/errorText.js";
import type { ListenAddress, TcpAddress } from "./listenAddress.js";
import { listenOnSocket } from "./socketFile.js";

/** An address on which the bridge can't listen. */
export class ListenError extends Error {
  override readonly name = "ListenError";
  readonly address: ListenAddress;
  /** Another process listens there. */
  readonly inUse: boolean;

  constructor(address: ListenAddress, cause: unknown) {
    super(errorText(cause));
    this.address = address;
    this.inUse = this.message.includes("EADDRINUSE");
  }
}

/** An address on which the bridge listens. */
export interface Bound {
  readonly address: ListenAddress;
  /** As clients name it: host:port or unix:/path. */
  readonly text: string;
  /** 0 for a unix socket. */
  readonly port: number;
}

/** Listens on addresses, and hands connections on with the address to which they came. */
export class Listener {
  readonly #onConnection: (socket: Socket, address: ListenAddress) => void;
  readonly #servers: Server[] = [];
  #listening = false;

  constructor(onConnection: (socket: Socket, address: ListenAddress) => void) {
    this.#onConnection = onConnection;
  }

  /**
   * Listens on all of the addresses, or on none. Until it listens on all, connections are closed.
   *
   * @throws ListenError for the first that can't be used
   */
  async listen(addresses: readonly ListenAddress[]): Promise<Bound[]> {
    const bound: Bound[] = [];
    try {
      for (const address of addresses) bound.push(await this.#bind(address));
    } catch (error) {
      this.close();
      throw error;
    }
    this.#listening = true;
    return bound;
  }

  /** Takes no more connections, and removes the files of sockets. Existing connections stay. */
  close(): void {
    this.#listening = false;
    for (const server of this.#servers.splice(0)) server.close();
  }

  async #bind(address: ListenAddress): Promise<Bound> {
    const { text } = address;
    if (address.kind === "tcp") {
      const port = await this.#bindAll(address);
      return { address, text: text.replace(/\d+$/, String(port)), port };
    }
    try {
      const server = this.#serverFor(address);
      await listenOnSocket(server, address.path);
      this.#keep(server);
    } catch (error) {
      throw new ListenError(address, error);
    }
    return { address, text, port: 0 };
  }

  /** Gives the port. One of several addresses is enough: a name may have an IPv6 address on a machine that has no IPv6. */
  async #bindAll(address: TcpAddress): Promise<number> {
    let { port } = address;
    let failure: unknown;
    let used = 0;
    for (const host of address.ips) {
      try {
        const server = this.#serverFor(address);
        server.listen({ host, port });
        await once(server, "listening");
        this.#keep(server);
        port = (server.address() as AddressInfo).port;
        used++;
      } catch (error) {
        failure ??= error;
      }
    }
    if (used === 0) throw new ListenError(address, failure);
    return port;
  }

  #serverFor(address: ListenAddress): Server {
    return createServer({ noDelay: address.kind === "tcp" }, (socket) => {
      if (this.#listening) this.#onConnection(socket, address);
      else socket.destroy();
    });
  }

  #keep(server: Server): void {
    // Without descriptors left, a connection fails, not the process.
    server.on("error", () => {});
    this.#servers.push(server);
  }
}
