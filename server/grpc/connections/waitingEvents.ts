import type { Connections } from "./connections.js";
import type { ServerStream } from "./serverStream.js";

/** Bytes of events that were written to one stream and that its client has not taken. */
export class WaitingEvents {
  readonly #connections: Connections;
  readonly #stream: ServerStream;
  readonly #maxBytes: number;
  readonly #again: () => void;
  #bytes = 0;
  #over = false;

  /** @param maxBytes from which on nothing more is written @param again called when there is room again on the connection */
  constructor(connections: Connections, stream: ServerStream, maxBytes: number, again: () => void) {
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
    return this.#bytes < this.#maxBytes && this.#connections.mayWrite(this.#stream, this.#again);
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
    this.#change(-this.#bytes);
  }

  #change(bytes: number): void {
    this.#bytes += bytes;
    this.#connections.eventsWaiting(this.#stream, bytes);
  }
}
