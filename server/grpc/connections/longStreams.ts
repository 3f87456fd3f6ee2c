import { type BridgeError, limitReached } from "../../session/errors.js";
import type { Account } from "./serverStream.js";

/** How many streams that stay there may be. */
export interface LongStreamLimits {
  readonly maxLongStreams: number;
  readonly maxLongStreamsInAll: number;
  readonly maxStrangerStreams: number;
}

/**
 * Counts streams that stay. Those of strangers, which are connections without a call that had valid credentials, count
 * apart: they can't take the places of known clients.
 */
export class LongStreams {
  readonly #limits: LongStreamLimits;
  #known = 0;
  #strangers = 0;

  constructor(limits: LongStreamLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a new stream in, or gives the error with which it is refused.
   *
   * @param greediest finds the stranger with most streams, which loses them to one that has fewer
   * @param drop ends a connection; its streams are counted out here
   */
  open<Connection extends Account>(
    connection: Connection,
    greediest: () => Connection | undefined,
    drop: (stranger: Connection) => void,
  ): BridgeError | undefined {
    const { maxLongStreams, maxLongStreamsInAll, maxStrangerStreams } = this.#limits;
    if (connection.longStreams >= maxLongStreams) {
      const what = `this connection has ${maxLongStreams} streams, which is the limit`;
      return limitReached(what, maxLongStreams, "open another connection");
    }
    if (connection.known && this.#known >= maxLongStreamsInAll) return this.#full();
    if (!connection.known && this.#strangers >= maxStrangerStreams) {
      const stranger = greediest();
      if (!stranger || stranger.longStreams <= connection.longStreams) {
        const what = `clients without valid credentials have ${maxStrangerStreams} streams together, which is the limit`;
        return limitReached(what, maxStrangerStreams, "try again later");
      }
      this.#forget(stranger);
      drop(stranger);
    }
    this.#count(connection, 1);
    return undefined;
  }

  /**
   * A connection made a call with valid credentials: its streams are those of a known client from now on. Gives an error
   * if there is no room for them; then they stay a stranger's.
   */
  recognise(connection: Account): BridgeError | undefined {
    if (connection.known) return undefined;
    if (this.#known + connection.longStreams > this.#limits.maxLongStreamsInAll) return this.#full();
    this.#strangers -= connection.longStreams;
    this.#known += connection.longStreams;
    connection.known = true;
    return undefined;
  }

  closed(connection: Account): void {
    this.#count(connection, -1);
  }

  /** Its streams will end with it, and do not count until then. */
  #forget(stranger: Account): void {
    this.#strangers -= stranger.longStreams;
    stranger.longStreams = 0;
    stranger.streams.clear();
  }

  #count(connection: Account, change: 1 | -1): void {
    connection.longStreams += change;
    if (connection.known) this.#known += change;
    else this.#strangers += change;
  }

  #full(): BridgeError {
    const { maxLongStreamsInAll } = this.#limits;
    const what = `all clients have ${maxLongStreamsInAll} streams together, which is the limit`;
    return limitReached(what, maxLongStreamsInAll, "try again later");
  }
}
