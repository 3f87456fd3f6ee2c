import type { BridgeError } from "../session/errors.js";

interface Endable {
  end(error: BridgeError): void;
}

/** The open streams of a kind. Once they were ended, one that comes late is ended too: nothing else would end it. */
export class OpenStreams<T extends Endable> extends Set<T> {
  #ended: BridgeError | undefined;

  override add(stream: T): this {
    const error = this.#ended;
    // When it has begun.
    if (error) setImmediate(() => stream.end(error));
    return super.add(stream);
  }

  endAll(error: BridgeError): void {
    this.#ended = error;
    for (const stream of [...this]) stream.end(error);
  }
}
