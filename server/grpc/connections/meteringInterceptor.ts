import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { BridgeError } from "../../session/errors.js";
import type { Connections } from "./connections.js";

/** Counts every call of every service in, and refuses those for which there is no room. */
export function meteringInterceptor(connections: Connections): ServerInterceptor {
  return ({ requestStream, responseStream }, call) => {
    const stream = connections.opened(call, { requestStream, long: requestStream || responseStream });
    if (stream instanceof BridgeError) {
      call.sendStatus(connections.statusOf(stream));
      return new ServerInterceptingCall(call);
    }
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            connections.begun(metadata, stream);
            pass(metadata);
          },
          onReceiveMessage: (message: unknown, pass) => {
            stream.delivered(message);
            pass(message);
          },
        }),
    });
  };
}
