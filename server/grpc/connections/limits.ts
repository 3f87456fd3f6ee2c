const MIB = 1024 * 1024;

/** What clients may take of the bridge. Sizes in bytes. */
export interface ConnectionLimits {
  readonly maxConnections: number;
  /** HTTP/2 streams of one connection; what is over waits at the client. */
  readonly maxStreams: number;
  /** Of these, streams that stay: Subscribe, Calls, Watch, reflection. The others are for calls. */
  readonly maxLongStreams: number;
  /** The same, on all connections of known clients. */
  readonly maxLongStreamsInAll: number;
  /** The same, on all connections that have made no call with valid credentials. */
  readonly maxStrangerStreams: number;
  readonly maxRequestBytes: number;
  /** Requests that are not whole, on one connection and on all. */
  readonly maxOpenRequestBytes: { readonly connection: number; readonly all: number };
  /** Answers that a client does not take, on one connection and on all. */
  readonly maxUnreadBytes: { readonly connection: number; readonly all: number };
  /** Events that wait in HTTP/2 streams, on one connection and on all. Each stream may have one message more. */
  readonly maxEventBytes: { readonly connection: number; readonly all: number };
  /** How long a request may take to arrive whole, and a message to be taken, in seconds in which the bridge runs. */
  readonly timeoutSeconds: number;
  /** How long a client may be silent before its connection is ended. */
  readonly clientTimeoutMs: number;
}

/** The limits that flags of `serve` set. */
export type LimitOptions = Pick<
  ConnectionLimits,
  "maxConnections" | "maxRequestBytes" | "timeoutSeconds" | "clientTimeoutMs"
>;

/** What gRPC servers commonly allow, and far from what one process of a client needs. */
const MAX_STREAMS = 256;

export function connectionLimits(options: LimitOptions): ConnectionLimits {
  const { maxRequestBytes } = options;
  return {
    ...options,
    maxStreams: MAX_STREAMS,
    maxLongStreams: 200,
    maxLongStreamsInAll: 16_000,
    maxStrangerStreams: 1_000,
    // At least two of the largest at a time, so that one that never ends does not stand in the way of others.
    maxOpenRequestBytes: {
      connection: Math.max(32 * MIB, 2 * maxRequestBytes),
      all: Math.max(64 * MIB, 4 * maxRequestBytes),
    },
    maxUnreadBytes: { connection: 16 * MIB, all: 64 * MIB },
    maxEventBytes: { connection: 8 * MIB, all: 64 * MIB },
  };
}
