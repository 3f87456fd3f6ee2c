import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { PatientTimer } from "../../../wire/patientTimer.js";

/** Of the time that a client may be silent, this part passes before it is asked for a sign of life. */
const ASKED_AFTER = 0.6;

/**
 * Finds a client that has vanished silently: its TCP connection alone would not show that for hours. It is asked by a
 * ping of HTTP/2 every now and then, and is silent if neither the answer nor anything else comes in time. What waits
 * in the socket is read before that is said, which the library's own keepalive does not do: after the bridge itself stood
 * still, it took every client with an answer under way for gone.
 */
export class Keepalive {
  readonly #session: ServerHttp2Session;
  readonly #socket: Socket;
  readonly #askAfterMs: number;
  readonly #answerWithinMs: number;
  readonly #onSilent: () => void;
  readonly #timer = new PatientTimer(() => this.#due());
  /** How much had been read when the ping without an answer was sent, or last since then. */
  #readBefore: number | undefined;

  /** @param onSilent called once, unless the connection ends before */
  constructor(session: ServerHttp2Session, socket: Socket, clientTimeoutMs: number, onSilent: () => void) {
    this.#session = session;
    this.#socket = socket;
    this.#askAfterMs = Math.ceil(clientTimeoutMs * ASKED_AFTER);
    this.#answerWithinMs = Math.ceil(clientTimeoutMs * (1 - ASKED_AFTER));
    this.#onSilent = onSilent;
    session.once("close", () => this.#timer.stop());
    this.#timer.start(this.#askAfterMs);
  }

  #due(): void {
    if (this.#session.destroyed) return;
    const { bytesRead } = this.#socket;
    if (this.#readBefore === undefined) this.#ping();
    else if (this.#readBefore === bytesRead) return this.#onSilent();
    this.#readBefore = bytesRead;
    this.#timer.start(this.#answerWithinMs);
  }

  #ping(): void {
    this.#session.ping((error) => {
      // The session ends, and the timer with it.
      if (error || this.#session.destroyed) return;
      this.#readBefore = undefined;
      this.#timer.start(this.#askAfterMs);
    });
  }
}
