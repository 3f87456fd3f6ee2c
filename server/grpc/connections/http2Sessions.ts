import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Server } from "@grpc/grpc-js";

/**
 * Calls `begun` with the HTTP/2 session of each connection that a gRPC server is handed from now on. The library keeps
 * them to itself, but only they can be pinged. The exact version of the library is pinned, and tests show that they come.
 */
export function onHttp2Session(server: Server, begun: (session: ServerHttp2Session) => void): void {
  const { http2Servers } = server as unknown as { http2Servers?: ReadonlyMap<Http2Server, unknown> };
  if (!http2Servers) throw new Error("this version of @grpc/grpc-js hides its HTTP/2 servers");
  for (const http2 of http2Servers.keys()) http2.on("session", begun);
}
