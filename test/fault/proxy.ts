import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";

/** Stands between two parties, and may lose what they say. Whoever starts one stops it. */
export interface Proxy {
  readonly port: number;
  /** Connections that were made through it so far. */
  readonly connections: number;
  /** Passes nothing on any more, and closes nothing: as a network that is broken. */
  pause(): void;
  /** Passes on what was held back, and what comes. */
  resume(): void;
  stop(): Promise<void>;
}

/** Passes connections on to a port of this machine; with `tls` the one side speaks TLS, and the target plain text. */
export async function startProxy(target: number, tls?: TlsOptions): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let paused = false;
  let connections = 0;
  const accept = (client: Socket) => {
    connections++;
    const upstream = connect({ host: "127.0.0.1", port: target, noDelay: true });
    client.setNoDelay(true);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    if (paused) for (const socket of [client, upstream]) socket.pause();
  };
  const server: Server = tls ? createTlsServer(tls, accept) : createServer(accept);
  // A handshake that fails is the client's to tell.
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const setPaused = (value: boolean) => {
    paused = value;
    for (const socket of sockets) {
      if (value) socket.pause();
      else socket.resume();
    }
  };
  return {
    port: address.port,
    get connections() {
      return connections;
    },
    pause: () => setPaused(true),
    resume: () => setPaused(false),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
