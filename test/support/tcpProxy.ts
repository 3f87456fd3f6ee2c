import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Where bytes go: `up` to the target, `down` to who connected. */
export type Direction = "up" | "down";

/** What becomes of bytes: they pass; they are dropped and the connection is cut; they pass and it is cut then. */
export type Verdict = "pass" | "cut" | "pass-and-cut";

/** Looks at bytes on their way. */
export type Watch = (direction: Direction, bytes: Buffer) => Verdict | undefined;

/** Stands between a client and a server, and breaks their connections where a test says so. */
export class TcpProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #targetPort: () => number;
  #port = 0;
  #refusing = false;
  #frozen = false;
  #watch: Watch = () => "pass";

  private constructor(targetPort: () => number) {
    this.#targetPort = targetPort;
    // A half-closed connection stays one: Mesos and its clients close both directions for themselves.
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** @param target the port on 127.0.0.1, asked anew for each connection */
  static async start(target: number | (() => number)): Promise<TcpProxy> {
    const proxy = new TcpProxy(typeof target === "number" ? () => target : target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    proxy.#port = (proxy.#server.address() as AddressInfo).port;
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** Shows all bytes to `watch` from now on, which says what becomes of them. */
  watch(watch: Watch): void {
    this.#watch = watch;
  }

  /** Resets all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Resets new connections at once, or takes them again. */
  refuse(refusing: boolean): void {
    this.#refusing = refusing;
  }

  /** Stops all bytes on their way, as a broken network does that nobody notices; or lets them go on. */
  freeze(frozen: boolean): void {
    this.#frozen = frozen;
    for (const socket of this.#sockets) {
      if (frozen) socket.pause();
      else socket.resume();
    }
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #accept(client: Socket): void {
    client.on("error", () => {});
    if (this.#refusing) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ port: this.#targetPort(), host: "127.0.0.1", allowHalfOpen: true });
    this.#relay(client, target, "up");
    this.#relay(target, client, "down");
  }

  #relay(from: Socket, to: Socket, direction: Direction): void {
    let passed = false;
    this.#sockets.add(from);
    from.setNoDelay(true);
    from.on("error", () => {});
    from.on("data", (bytes: Buffer) => {
      const verdict = this.#watch(direction, bytes) ?? "pass";
      if (verdict === "cut") {
        from.destroy();
        to.destroy();
        return;
      }
      if (!to.write(bytes)) {
        from.pause();
        to.once("drain", () => this.#frozen || from.resume());
      }
      if (verdict === "pass-and-cut") {
        // Who gets the bytes ends the rest of the connection: a reset might overtake them.
        passed = true;
        to.end();
        from.destroy();
      }
    });
    from.on("end", () => to.end());
    from.on("close", () => {
      this.#sockets.delete(from);
      if (!passed) to.destroy();
    });
    if (this.#frozen) from.pause();
  }
}
