import type { ServerHttp2Stream } from "node:http2";
import type { ServerInterceptingCallInterface } from "@grpc/grpc-js";

/**
 * The HTTP/2 stream under a call. The library keeps it to itself, but only it knows how many bytes of a request have
 * come, and how many of an answer have not been taken; and only ending it frees them. The exact version of the library
 * is pinned, and tests show that the stream is there.
 */
export function http2StreamOf(call: ServerInterceptingCallInterface): ServerHttp2Stream {
  const { stream } = call as { stream?: ServerHttp2Stream };
  if (!stream) throw new Error("this version of @grpc/grpc-js hides the HTTP/2 stream of a call");
  return stream;
}
