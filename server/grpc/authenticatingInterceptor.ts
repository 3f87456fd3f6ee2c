import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import type { Authenticator } from "../access/authenticator.js";
import type { Log } from "../log.js";
import type { Connections } from "./connections/connections.js";
import { SparseLog } from "./connections/sparseLog.js";
import { setIdentity } from "./identityOf.js";
import { bridgeErrorOf } from "./statusOf.js";

/** Probes have no credentials. */
const OPEN_TO_ALL = "/grpc.health.v1.Health/";

/**
 * Finds out who makes a call, for every method of every service but health. What has no valid credentials is refused
 * before its request is read, and before its handler knows of it.
 */
export function authenticatingInterceptor(
  connections: Connections,
  authenticator: Authenticator,
  log: Log,
): ServerInterceptor {
  const refusals = new SparseLog(log);
  const admit = (metadata: Metadata, method: string, pass: (metadata: Metadata) => void) => {
    const stream = connections.of({ metadata });
    const { evidence, peer } = stream.connection;
    try {
      setIdentity({ metadata }, authenticator.identify(evidence));
    } catch (error) {
      const refusal = bridgeErrorOf(error, log);
      refusals.warn({ peer, method, reason: refusal.message }, "a call was refused");
      stream.refuse(refusal);
      return;
    }
    pass(metadata);
  };
  return ({ path }, call) => {
    if (path.startsWith(OPEN_TO_ALL)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) => next({ onReceiveMetadata: (metadata, pass) => admit(metadata, path, pass) }),
    });
  };
}
