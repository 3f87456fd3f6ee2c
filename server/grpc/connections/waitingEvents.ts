import type { Caller } from "../../access/callers.js";
import type { Connections } from "./connections.js";
import type { ServerStream } from "./serverStream.js";

/** Bytes of events that were written to one stream and that its client has not taken. */
export class WaitingEvents {
  readonly #connections: Connections;
  readonly #stream: ServerStream;
  readonly #caller: Caller;
  readonly #maxBytes: number;
  readonly #again: () => void;
  #bytes = 0;
  #over = false;

  /** @param maxBytes from which on nothing more is written @param again called when there is room again on the connection */
  constructor(connections: Connections, stream: ServerStream, caller: Caller, maxBytes: number, again: () => void) {
    this.#caller = caller;
    this.#again = again;
    this.#connections = connections;
    this.#stream = stream;
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether another message may be written now. */
  mayWrite(): boolean {
    if (this.#bytes >= this.#maxBytes || !this.#connections.mayWrite(this.#stream, this.#again)) return false;
    const { usage, rights } = this.#caller;
    // One message always: else a stream could wait for others that are not read.
    if (this.#bytes === 0 || usage.hasRoom(rights.limits)) return true;
    usage.onRoom(this.#again);
    return false;
  }

  wrote(bytes: number): void {
    this.#change(bytes);
  }

  taken(bytes: number): void {
    if (!this.#over) this.#change(-bytes);
  }

  /** The stream is over: what was not taken is dropped. */
  drop(): void {
    this.#over = true;
    this.#stream.connection.blocked.delete(this.#again);
    this.#caller.usage.offRoom(this.#again);
    this.#change(-this.#bytes);
  }

  #change(bytes: number): void {
    this.#bytes += bytes;
    this.#caller.usage.waiting(bytes);
    this.#connections.eventsWaiting(this.#stream, bytes);
  }
}
