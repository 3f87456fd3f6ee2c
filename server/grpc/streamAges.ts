import type { ServerHttp2Session } from "node:http2";
import type { Clock } from "../../wire/clock.js";
import type { Randomness } from "../../wire/randomness.js";
import type { Identity } from "../access/identity.js";
import { type BridgeError, streamTooOld } from "../session/errors.js";
import type { Connection } from "./connections/connection.js";
import type { Account } from "./connections/serverStream.js";

/** Streams that began together end within this part of the age, so that not all clients come back at once. */
const SPREAD = 0.1;

export interface StreamAgesOptions {
  /** How long credentials count after they were shown, in ms. Undefined: for as long as the stream lasts. */
  readonly maxMs: number | undefined;
  readonly clock: Clock;
  readonly randomness: Randomness;
}

type End = (error: BridgeError) => void;
const nothing = () => {};

/**
 * Ends streams whose client has shown its credentials too long ago. Those of a token were shown with the call. Those of a
 * connection, such as a certificate, were shown when it began: it takes no more calls either, so that the client connects
 * and shows them again.
 */
export class StreamAges {
  readonly #options: StreamAgesOptions;
  /** The streams that end with their connection's credentials. */
  readonly #connections = new WeakMap<Account, Set<End>>();

  constructor(options: StreamAgesOptions) {
    this.#options = options;
  }

  /** A connection begins to speak HTTP/2. Whether it has credentials is known by now. */
  connectionBegun(connection: Connection, session: Pick<ServerHttp2Session, "close">): void {
    const { maxMs } = this.#options;
    if (maxMs === undefined || connection.evidence.kind !== "proven") return;
    const streams = new Set<End>();
    this.#connections.set(connection, streams);
    const timer = this.#after(maxMs, () => {
      // Before its streams end, so that none of them begins anew on it.
      session.close();
      for (const end of [...streams]) end(streamTooOld());
    });
    connection.socket.once("close", () => timer.cancel());
  }

  /**
   * Ends a stream when its credentials are too old. Returns what takes that back.
   *
   * @param identity of its caller; undefined if it needs none, and ends with the credentials of its connection
   */
  limit(connection: Account, identity: Identity | undefined, end: End): () => void {
    const { maxMs } = this.#options;
    if (maxMs === undefined || identity?.kind === "anonymous") return nothing;
    const { evidence } = connection;
    const isConnections = identity === undefined || (evidence.kind === "proven" && evidence.identity === identity);
    if (isConnections) return add(this.#connections.get(connection), end);
    const timer = this.#after(maxMs, () => end(streamTooOld()));
    return () => timer.cancel();
  }

  #after(maxMs: number, ended: () => void) {
    const { clock, randomness } = this.#options;
    return clock.after(maxMs * (1 - SPREAD * randomness.fraction()), ended);
  }
}

function add(streams: Set<End> | undefined, end: End): () => void {
  streams?.add(end);
  return () => streams?.delete(end);
}
