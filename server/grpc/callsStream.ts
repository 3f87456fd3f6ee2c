import type { ServerDuplexStream } from "@grpc/grpc-js";
import { type CallResult, CallsResponse } from "../../gen/mesosbridge/v1/scheduler.js";
import type { Caller } from "../access/callers.js";
import { withdrawn } from "../access/permissions/refusals.js";
import type { Log } from "../log.js";
import { readCall } from "../mesos/messages/calls.js";
import type { CallContext } from "../session/callContext.js";
import { BridgeError, invalidField } from "../session/errors.js";
import type { LaunchCheck } from "../session/launchCheck.js";
import { Queue } from "../session/queue.js";
import type { CallAnswer } from "../session/requestMemory.js";
import type { SessionManager } from "../session/sessionManager.js";
import { checkTokenCount } from "./ackTokens.js";
import { acknowledges, admitCall, refusalOf } from "./admitCall.js";
import { boundedError } from "./boundedError.js";
import { type CallHeader, checkFrameworkName, parseHeader } from "./callHeader.js";
import { type CallsMessage, readCallsRequest } from "./callsRequest.js";
import type { RefusalCounts } from "./refusalCounts.js";
import { bridgeErrorOf, codeOf, statusOf } from "./statusOf.js";

/** Calls that may wait for their answers before no more are read from the client. */
const MAX_WAITING = 10_000;
/** Bytes of answers that may wait for the client to take them before no more calls are read. */
const MAX_UNREAD_BYTES = 128 * 1024;

const UNANSWERED: CallAnswer = {
  error: new BridgeError("OUTCOME_UNKNOWN", "the stream ended before the master answered: reconcile"),
};

/** Calls that are read in one turn of the event loop: other clients have their turns in between. */
const CALLS_A_TURN = 256;

interface Slot {
  tag: bigint;
  answer: CallAnswer | undefined;
}

export interface CallsStreamOptions {
  readonly sessions: SessionManager;
  /** @throws BridgeError INVALID_FIELD */
  readonly check: (request: Buffer) => void;
  readonly caller: Caller;
  readonly log: Log;
  readonly refusals: RefusalCounts;
  /** Looks at what the caller launches. */
  readonly launchCheck: LaunchCheck | undefined;
}

/** Serves one `Calls` stream: sends each call as it comes, answers in the order of the calls. */
export class CallsStream {
  readonly #call: ServerDuplexStream<Buffer, Buffer>;
  readonly #sessions: SessionManager;
  readonly #check: (request: Buffer) => void;
  readonly #caller: Caller;
  readonly #context: CallContext;
  readonly #log: Log;
  readonly #refusals: RefusalCounts;
  readonly #onEnd: () => void;
  readonly #slots = new Queue<Slot>();
  #waiting = 0;
  #unreadBytes = 0;
  /** Calls since others last had a turn, or more. */
  #inTurn = 0;
  #header: CallHeader = { frameworkName: "", attachmentId: "", requestId: "" };
  #flushing = false;
  #inputEnded = false;
  /** Why no more calls are taken, once that is so. */
  #closing: BridgeError | undefined;
  #ended = false;

  /** @param onEnd called once or more often, when the stream is over for whatever reason. */
  constructor(call: ServerDuplexStream<Buffer, Buffer>, options: CallsStreamOptions, onEnd: () => void) {
    this.#call = call;
    this.#sessions = options.sessions;
    this.#check = options.check;
    this.#caller = options.caller;
    this.#log = options.log;
    this.#refusals = options.refusals;
    this.#context = { check: options.launchCheck };
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#call.on("data", (request: Buffer) => this.#take(request));
    this.#call.on("end", () => {
      this.#inputEnded = true;
      this.#endIfDone();
    });
    // A broken stream can't be answered, but its calls are already on their way.
    this.#call.on("error", () => {});
    this.#call.on("cancelled", () => this.#over());
  }

  /** Ends the stream when all calls that were taken have been answered; what has no answer then was not sent. */
  end(error: BridgeError): void {
    if (this.#ended) return;
    // None is left, unless the bridge has a fault.
    for (const slot of this.#slots) slot.answer ??= UNANSWERED;
    this.#flush();
    if (!this.#ended) this.#fail(error);
  }

  /** Takes no more calls, and ends the stream once those that were taken have been answered. */
  endWhenAnswered(error: BridgeError): void {
    if (this.#ended) return;
    this.#closing = error;
    this.#call.pause();
    this.#endIfDone();
  }

  /** Ends the stream if its caller may not make calls any more with the framework that it was about last. */
  permissionsChanged(): void {
    const { frameworkName } = this.#header;
    const problem = refusalOf(() => {
      if (frameworkName === "") this.#caller.expectAnywhere("call");
      else this.#caller.expect("call", frameworkName);
    });
    if (!problem) return;
    this.#caller.failed(withdrawn(problem));
    this.end(withdrawn(problem));
  }

  #fail(error: BridgeError): void {
    this.#over();
    this.#refusals.count(error);
    this.#call.emit("error", statusOf(error, this.#log));
  }

  #over(): void {
    this.#ended = true;
    this.#onEnd();
  }

  #take(request: Buffer): void {
    if (this.#closing) return;
    const slot: Slot = { tag: 0n, answer: undefined };
    this.#slots.push(slot);
    this.#waiting++;
    if (++this.#inTurn === CALLS_A_TURN) this.#endTurn();
    if (this.#waiting >= MAX_WAITING || this.#unreadBytes >= MAX_UNREAD_BYTES) this.#call.pause();
    const done = (answer: CallAnswer) => {
      slot.answer = answer;
      if (answer.error) this.#refusals.count(answer.error);
      this.#waiting--;
      if (this.#slots.first?.answer) this.#flushSoon();
    };
    try {
      const message = this.#readCounted(request, slot);
      if (this.#caller.rights.restricted) this.#caller.expect("call", this.#frameworkNameOf(message));
      this.#check(request);
      this.#perform(message, done);
    } catch (error) {
      this.#caller.failed(error);
      done({ error: bridgeErrorOf(error, this.#log) });
    }
  }

  /** A call counts before anything of it is checked. @throws BridgeError IDENTITY_LIMIT, WireError */
  #readCounted(request: Buffer, slot: Slot): CallsMessage {
    let message: CallsMessage | undefined;
    try {
      message = readCallsRequest(request);
      slot.tag = message.tag;
      return message;
    } finally {
      if (this.#caller.limitsCalls && !isAcknowledgement(message)) this.#caller.countCall();
    }
  }

  #perform({ header, call, tokens }: CallsMessage, done: (answer: CallAnswer) => void): void {
    if (header || this.#header.attachmentId === "") this.#takeHeader(header);
    const { frameworkName, attachmentId } = this.#header;
    const requestId = header ? this.#header.requestId : "";
    checkTokenCount(tokens.length);
    const session = this.#sessions.get(frameworkName);
    if (tokens.length > 0 && call) throw invalidField("ack_tokens", "must not be set beside call");
    if (tokens.length > 0) session.acknowledge(attachmentId, requestId, tokens, done);
    else if (call) {
      const message = readCall(call);
      admitCall(this.#caller, this.#sessions, session, message);
      this.#caller.sends(frameworkName, message);
      session.call(attachmentId, requestId, message, done, this.#context);
    } else throw invalidField("call", "is required, or ack_tokens");
  }

  #frameworkNameOf({ header }: CallsMessage): string {
    const given = header ? parseHeader(header).frameworkName : "";
    return given === "" ? this.#header.frameworkName : given;
  }

  /** Name and attachment are those of the last message that had them. */
  #takeHeader(bytes: Uint8Array | undefined): void {
    const given = parseHeader(bytes);
    const header = {
      frameworkName: given.frameworkName === "" ? this.#header.frameworkName : given.frameworkName,
      attachmentId: given.attachmentId === "" ? this.#header.attachmentId : given.attachmentId,
      requestId: given.requestId,
    };
    checkFrameworkName(header.frameworkName, "header.framework_name");
    if (header.attachmentId === "") throw invalidField("header.attachment_id", "is required: take it from Opened");
    this.#header = header;
  }

  /** What is answered within one turn of the event loop shares a message. */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#ended) return;
    const results: CallResult[] = [];
    for (let slot = this.#slots.first; slot?.answer; slot = this.#slots.first) {
      results.push(resultOf(slot));
      this.#slots.shift();
    }
    if (results.length > 0) {
      if (!this.#call.cancelled) this.#write(Buffer.from(CallsResponse.encode({ results }).finish()));
    }
    this.#readOn();
    this.#endIfDone();
  }

  #write(message: Buffer): void {
    this.#unreadBytes += message.length;
    this.#call.write(message, () => {
      this.#unreadBytes -= message.length;
      this.#readOn();
    });
  }

  /** Lets others have a turn. */
  #endTurn(): void {
    this.#call.pause();
    setImmediate(() => {
      this.#inTurn = 0;
      this.#readOn();
    });
  }

  #readOn(): void {
    if (this.#closing || this.#inTurn >= CALLS_A_TURN) return;
    const few = this.#waiting < MAX_WAITING / 2 && this.#unreadBytes < MAX_UNREAD_BYTES / 2;
    if (few && this.#call.isPaused()) this.#call.resume();
  }

  #endIfDone(): void {
    if (this.#ended || this.#slots.size > 0) return;
    if (this.#closing) return this.#fail(this.#closing);
    if (!this.#inputEnded) return;
    this.#over();
    this.#call.end();
  }
}

function isAcknowledgement(message: CallsMessage | undefined): boolean {
  if (!message) return false;
  return message.call ? acknowledges(message.call) : message.tokens.length > 0;
}

function resultOf({ tag, answer }: Slot): CallResult {
  const error = answer?.error;
  return {
    tag,
    code: error ? codeOf(error) : 0,
    message: error ? boundedError(error).message : "",
    reason: error?.reason ?? "",
  };
}
