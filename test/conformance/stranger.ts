import { createServer as createHttpServer } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import type { StrangerKind } from "./case.js";
import type { Certificates } from "./certificates.js";

/** A server that answers and is not a bridge. */
export interface Stranger {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startStranger(kind: StrangerKind, { server }: Certificates): Promise<Stranger> {
  switch (kind) {
    case "http":
      return await listen(createHttpServer((_, response) => response.end("Hello.")));
    case "https":
      return await listen(createHttpsServer(server.good, (_, response) => response.end("Hello.")));
    case "http2":
      return await listen(createHttp2Server((_, response) => response.writeHead(404).end("Not here.")));
    case "greeting":
      return await listen(createServer((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n")));
    case "grpc":
      return await startGrpc();
  }
}

async function listen(server: Server): Promise<Stranger> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A gRPC server that has no service. */
async function startGrpc(): Promise<Stranger> {
  const server = new GrpcServer();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return { address: `127.0.0.1:${port}`, stop: async () => server.forceShutdown() };
}
