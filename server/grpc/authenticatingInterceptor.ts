import { type Metadata, ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { systemClock } from "../../wire/clock.js";
import { type Audit, auditedMessage, noAudit } from "../access/audit/audit.js";
import type { Authenticator } from "../access/authenticator.js";
import type { Identity } from "../access/identity.js";
import { TokenBucket } from "../access/tokenBucket.js";
import type { Log } from "../log.js";
import type { Connections } from "./connections/connections.js";
import type { ServerStream } from "./connections/serverStream.js";
import { SparseLog } from "./connections/sparseLog.js";
import { setIdentity } from "./identityOf.js";
import { bridgeErrorOf } from "./statusOf.js";

/** Probes have no credentials. */
const AUTHORIZATION = "authorization";
/** Nobody knows who it is. */
const UNKNOWN = "unknown";
/** Refusals of all clients that are not known. */
const MAX_AUDITED_A_SECOND = 100;
const OPEN_TO_ALL = "/grpc.health.v1.Health/";

/** Takes the credentials out of a call's metadata, so that nothing behind has them. */
function authorizationIn(metadata: Metadata): string | undefined {
  const [first] = metadata.get(AUTHORIZATION);
  if (first !== undefined) metadata.remove(AUTHORIZATION);
  return first === undefined ? undefined : String(first);
}

/**
 * Finds out who makes a call, for every method of every service but health. What has no valid credentials is refused
 * before its request is read, and before its handler knows of it. The audit log has it, too.
 */
export function authenticatingInterceptor(
  connections: Connections,
  authenticator: Authenticator,
  log: Log,
  audit: Audit = noAudit,
): ServerInterceptor {
  const refusals = new SparseLog(log);
  const audited = new TokenBucket(systemClock);
  const refuse = (stream: ServerStream, method: string, error: unknown) => {
    const refusal = bridgeErrorOf(error, log);
    const { peer } = stream.connection;
    const { reason, message } = refusal;
    refusals.warn({ peer, method, reason: message }, "a call was refused");
    if (audited.take(MAX_AUDITED_A_SECOND)) {
      audit.record({ event: "refusal", identity: UNKNOWN, reason, message: auditedMessage(message), peer });
    }
    stream.refuse(refusal);
  };
  const admit = (metadata: Metadata, method: string, pass: (metadata: Metadata) => void) => {
    const stream = connections.of({ metadata });
    const accept = (identity: Identity) => {
      const full = connections.recognised(stream);
      if (full) return stream.refuse(full);
      setIdentity({ metadata }, identity);
      pass(metadata);
    };
    let identity: Identity | Promise<Identity>;
    try {
      identity = authenticator.identify(stream.connection.evidence, authorizationIn(metadata));
    } catch (error) {
      return refuse(stream, method, error);
    }
    if (!(identity instanceof Promise)) return accept(identity);
    identity.then(
      // A handler that gets a call which has ended is not told of its end any more.
      (proven) => stream.isOver || accept(proven),
      (error: unknown) => refuse(stream, method, error),
    );
  };
  return ({ path }, call) => {
    if (path.startsWith(OPEN_TO_ALL)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (next) => next({ onReceiveMetadata: (metadata, pass) => admit(metadata, path, pass) }),
    });
  };
}
