import type { ServerResponse } from "node:http";
import { encodeRecord } from "../../wire/recordio.js";
import { encodeMessage, type MediaType, type MessageType } from "../codec/messages.js";

/** What a subscriber may leave unread before it is cut off. */
const MAX_UNREAD_BYTES = 256 * 1024 * 1024;

/** A RecordIO stream of events to one subscriber, as the body of a response. */
export class EventStream<T extends object> {
  readonly mediaType: MediaType;
  readonly #type: MessageType<T>;
  #response: ServerResponse | undefined;
  #closed = false;
  #onDisconnect: () => void = () => {};

  constructor(type: MessageType<T>, mediaType: MediaType) {
    this.#type = type;
    this.mediaType = mediaType;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** `onDisconnect` is called once if the peer goes away; not after `close`. */
  open(response: ServerResponse, onDisconnect: () => void): void {
    this.#response = response;
    this.#onDisconnect = onDisconnect;
    response.on("close", () => this.#disconnected());
    response.on("error", () => this.#disconnected());
    // A chunked head alone is held back by Node until the first byte of the body.
    response.flushHeaders();
  }

  send(event: T): void {
    if (this.#closed || !this.#response) return;
    this.#response.write(encodeRecord(encodeMessage(this.#type, event, this.mediaType)));
    if (this.#response.writableLength > MAX_UNREAD_BYTES) this.drop();
  }

  /** Ends the stream in good order: what was sent arrives. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#response?.end();
  }

  /** Breaks the connection, as a crash or a network failure does. The stream's owner is told. */
  drop(): void {
    const socket = this.#response?.socket;
    this.#disconnected();
    socket?.destroy();
  }

  #disconnected(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onDisconnect();
  }
}
