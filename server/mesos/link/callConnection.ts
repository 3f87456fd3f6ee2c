import type { Socket } from "node:net";
import type { Clock, Planned } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { Secrets } from "../../../wire/secrets.js";
import type { OutgoingCall } from "../messages/calls.js";
import { outcomeOf } from "./answerOutcome.js";
import type { CallBudget } from "./callBudget.js";
import type { CallOutcome, Refused } from "./callOutcome.js";
import { connectErrorText } from "./connectError.js";
import { type HttpResponse, HttpResponseParser } from "./httpResponseParser.js";
import type { Connect } from "./openSocket.js";

export interface CallConnectionOptions {
  readonly master: URL;
  readonly streamId: string;
  readonly authorization: string | undefined;
  /** What is taken out of the master's texts. */
  readonly secrets: Secrets;
  readonly connect: Connect;
  readonly clock: Clock;
  /** How long connecting, and each answer after the one before, may take before the connection is given up, in ms. */
  readonly timeoutMs: number;
  /** A connection that was idle for so long is replaced before it is used: it may be forgotten on the way. In ms. */
  readonly idleMs: number;
  /** Calls and bytes that may wait for an answer at a time. A call alone may be larger. */
  readonly maxPendingCalls: number;
  readonly maxPendingBytes: number;
  /** Shared with other connections. */
  readonly budget: CallBudget;
  /** The connection broke while calls waited for their answers. Not called by `close`. */
  onBroken(reason: string): void;
  /** A call was refused because the subscription has ended, whatever its stream of events says. */
  onSubscriptionOver(refused: Refused): void;
  /** The master refused a call because somebody else has subscribed with this framework's id. */
  onFailedOver(): void;
  /** The master refused a call for the credentials that it carried. */
  onCredentialsRefused(): void;
  /** What `done` of a call has thrown. All other calls still get their outcomes. */
  onFault(error: unknown): void;
}

type Done = (outcome: CallOutcome) => void;

interface PendingCall {
  readonly call: OutgoingCall;
  readonly size: number;
  readonly done: Done;
}

/** A body's length in digits, and the end of the head. */
const MAX_LENGTH_BYTES = 20;

/**
 * One connection to a master on which the calls of one subscription are pipelined:
 * written in order without waiting, answered in order. Mesos keeps the order of calls on one
 * connection only.
 *
 * A call is written at most once. A general HTTP client would send requests that were
 * pipelined behind a broken one again, and a repeated ACCEPT makes Mesos report tasks
 * lost that are running; that is why this is written by hand.
 */
export class CallConnection {
  readonly #options: CallConnectionOptions;
  #head: Buffer;
  #socket: Socket | undefined;
  #connected = false;
  /** Calls made before the connection stands. */
  #waiting: PendingCall[] = [];
  /** Written calls, the oldest first, from `#answered` on. */
  #pending: PendingCall[] = [];
  #answered = 0;
  #pendingBytes = 0;
  /** When the last answer came, or the connection stood, on the clock. */
  #idleSinceMs = 0;
  /** Calls of this turn of the event loop, which are written at its end. */
  #outgoing: PendingCall[] = [];
  #flushing: Planned | undefined;
  #closed: string | undefined;
  readonly #timer: PatientTimer;

  constructor(options: CallConnectionOptions) {
    this.#options = options;
    this.#head = this.#headWith(options.authorization);
    this.#timer = new PatientTimer((ms) => this.#drop(`the master did not answer within ${ms} ms`), options.clock);
  }

  /** Sends this `Authorization` header from the next call on: a token has been replaced. */
  setAuthorization(authorization: string | undefined): void {
    this.#head = this.#headWith(authorization);
  }

  #headWith(authorization: string | undefined): Buffer {
    const { master, streamId } = this.#options;
    const lines = [
      "POST /api/v1/scheduler HTTP/1.1",
      `Host: ${master.host}`,
      "Content-Type: application/x-protobuf",
      "Accept: application/x-protobuf",
      `Mesos-Stream-Id: ${streamId}`,
      ...(authorization === undefined ? [] : [`Authorization: ${authorization}`]),
      "Content-Length: ",
    ];
    return Buffer.from(lines.join("\r\n"), "latin1");
  }

  /** Calls that wait for their answer. */
  get pendingCalls(): number {
    return this.#waiting.length + this.#pending.length - this.#answered;
  }

  /**
   * Sends a call. `done` is called exactly once, never
   * from within this call unless the call is refused at once.
   */
  send(call: OutgoingCall, done: Done): void {
    if (this.#closed !== undefined) return done({ kind: "not-sent", message: this.#closed });
    const { maxPendingCalls } = this.#options;
    const size = call.bytes.length + call.frameworkId.length;
    const tooLarge = this.pendingCalls > 0 && !this.#fits(size);
    if (tooLarge || this.pendingCalls >= maxPendingCalls) {
      return done({ kind: "too-many", message: `${this.pendingCalls} calls wait for the master's answer` });
    }
    if (this.pendingCalls === 0) this.#replaceIdle();
    this.#pendingChanged(size);
    if (this.#connected) this.#write({ call, size, done });
    else {
      this.#waiting.push({ call, size, done });
      if (!this.#socket) this.#connect();
    }
  }

  #fits(bytes: number): boolean {
    const { maxPendingBytes, budget } = this.#options;
    return this.#pendingBytes + bytes <= maxPendingBytes && budget.fits(bytes);
  }

  #pendingChanged(bytes: number): void {
    this.#pendingBytes += bytes;
    this.#options.budget.changed(bytes);
  }

  /** Ends the connection. Calls without an answer are told so. */
  close(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    this.#drop(reason);
  }

  /**
   * Leaves a connection that was idle for long. Nothing is under way on it, so the order of calls does not change. A call
   * that went out on a connection that something on the way has forgotten would have an unknown outcome.
   */
  #replaceIdle(): void {
    const { clock, idleMs } = this.#options;
    if (!this.#connected || clock.now() - this.#idleSinceMs < idleMs) return;
    this.#connected = false;
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #connect(): void {
    const { master, connect } = this.#options;
    const socket = connect(master, () => this.#onConnect(socket));
    this.#socket = socket;
    const parser = new HttpResponseParser();
    socket.on("data", (chunk: Buffer) => this.#onData(socket, parser, chunk));
    socket.on("error", (error) => this.#onEnd(socket, connectErrorText(error, master)));
    socket.on("close", () => this.#onEnd(socket, "the master closed the connection for calls"));
    this.#timer.start(this.#options.timeoutMs);
  }

  #onConnect(socket: Socket): void {
    if (socket !== this.#socket) return;
    this.#connected = true;
    this.#idleSinceMs = this.#options.clock.now();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const call of waiting) this.#write(call);
  }

  #write(call: PendingCall): void {
    const socket = this.#socket as Socket;
    if (this.#pending.length === this.#answered) this.#timer.start(this.#options.timeoutMs);
    this.#pending.push(call);
    this.#outgoing.push(call);
    // What is sent within one turn of the event loop leaves in one write, whatever number of
    // callbacks it came from: a write of its own for each call is what costs most here.
    if (this.#outgoing.length === 1) this.#flushing = this.#options.clock.soon(() => this.#flush(socket));
  }

  #flush(socket: Socket): void {
    const calls = this.#outgoing;
    this.#outgoing = [];
    if (calls.length > 0) socket.write(requestsOf(this.#head, calls));
  }

  #onData(socket: Socket, parser: HttpResponseParser, chunk: Buffer): void {
    if (socket !== this.#socket) return;
    try {
      parser.push(chunk, (response) => {
        // An answer before it may have ended the connection.
        if (socket === this.#socket) this.#onResponse(response);
      });
    } catch (error) {
      if (socket === this.#socket) this.#drop(errorText(error));
      return;
    }
    if (socket === this.#socket) this.#compact();
  }

  #onResponse(response: HttpResponse): void {
    const pending = this.#pending[this.#answered];
    if (!pending) throw new Error("the master answered a call that was not made");
    const outcome = outcomeOf(response, pending.call.type, this.#options.master, this.#options.secrets);
    if (outcome.kind === "unknown") throw new Error(outcome.message);
    this.#answered++;
    this.#pendingChanged(-pending.size);
    // Only a whole answer is a reason to wait for the next: bytes alone are none.
    if (this.pendingCalls > 0) this.#timer.refresh();
    else {
      this.#timer.stop();
      this.#idleSinceMs = this.#options.clock.now();
    }
    // First, so that a call made from within `done` is not written to a connection that ends.
    if (!response.keepAlive) this.#drop("the master closes the connection for calls");
    this.#tell(pending, outcome);
    if (outcome.kind === "refused") this.#refused(outcome);
  }

  #refused(refused: Refused): void {
    switch (refused.cause) {
      case "failed-over":
        return this.#options.onFailedOver();
      case "not-subscribed":
      case "unreachable":
        return this.#options.onSubscriptionOver(refused);
      case "unauthorized":
        return this.#options.onCredentialsRefused();
      case "call":
    }
  }

  /** A fault in `done` says nothing about the connection, nor about other calls. */
  #tell(call: PendingCall, outcome: CallOutcome): void {
    try {
      call.done(outcome);
    } catch (error) {
      this.#options.onFault(error);
    }
  }

  #compact(): void {
    if (this.#answered === this.#pending.length) this.#pending = [];
    else if (this.#answered > 1024) this.#pending = this.#pending.slice(this.#answered);
    else return;
    this.#answered = 0;
  }

  #onEnd(socket: Socket, reason: string): void {
    if (socket === this.#socket) this.#drop(reason);
  }

  /** Ends the socket; the next call opens another, unless the connection is closed. */
  #drop(cause: string): void {
    const reason = this.#options.secrets.redact(cause);
    this.#timer.stop();
    const written = this.#pending.length - this.#outgoing.length;
    const unanswered = this.#pending.slice(this.#answered, written);
    const unsent = [...this.#pending.slice(written), ...this.#waiting];
    this.#outgoing = [];
    this.#flushing?.cancel();
    this.#pending = [];
    this.#answered = 0;
    this.#waiting = [];
    this.#pendingChanged(-this.#pendingBytes);
    this.#connected = false;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    if (unanswered.length + unsent.length > 0 && this.#closed === undefined) this.#options.onBroken(reason);
    for (const call of unanswered) this.#tell(call, { kind: "unknown", message: reason });
    for (const call of unsent) this.#tell(call, { kind: "not-sent", message: reason });
  }
}

/** Requests, one after the other. `head` ends where the length of the body stands. */
function requestsOf(head: Buffer, calls: readonly PendingCall[]): Buffer {
  let room = 0;
  for (const { size } of calls) room += head.length + MAX_LENGTH_BYTES + size;
  const out = Buffer.allocUnsafe(room);
  let at = 0;
  for (const { call, size } of calls) {
    out.set(head, at);
    at += head.length;
    at += out.write(`${size}\r\n\r\n`, at, "latin1");
    out.set(call.bytes, at);
    at += call.bytes.length;
    out.set(call.frameworkId, at);
    at += call.frameworkId.length;
  }
  return out.subarray(0, at);
}
