import { AcknowledgeRequestFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { DeclineOffersResponse, type SchedulerServiceDefinition } from "../../gen/mesosbridge/v1/scheduler.js";
import { nameOf } from "../access/identity.js";
import type { Log } from "../log.js";
import { BridgeError, invalidField } from "../session/errors.js";
import type { CallAnswer } from "../session/requestMemory.js";
import type { SessionManager } from "../session/sessionManager.js";
import { checkTokenCount } from "./ackTokens.js";
import { readAttachRequest } from "./attachRequest.js";
import { readHeader } from "./callHeader.js";
import { CallsStream } from "./callsStream.js";
import type { Connections } from "./connections/connections.js";
import { identityOf } from "./identityOf.js";
import type { Done, DuplexCall, Handlers, UnaryCall } from "./rawService.js";
import { RequestFields } from "./requestFields.js";
import { type SubscribeCall, SubscribeStream } from "./subscribeStream.js";
import { type TypedCall, typedCalls } from "./typedCalls.js";

/** Checks a serialized request of a type (`SubscribeRequest`, ...). @throws BridgeError INVALID_FIELD */
export type CheckRequest = (type: string, request: Uint8Array) => void;

export interface SchedulerServiceOptions {
  readonly sessions: SessionManager;
  readonly check: CheckRequest;
  readonly connections: Connections;
  readonly log: Log;
  /** Open Calls streams, so that shutdown can end them. */
  readonly callsStreams: Set<CallsStream>;
}

const EMPTY = Buffer.alloc(0);
const empty = () => EMPTY;
/** The response to a call, of which `gone` offers were not there any more. */
type Respond = (gone: number) => Buffer;

/** `mesosbridge.v1.SchedulerService`: translates requests into what sessions understand. */
export class SchedulerService implements Handlers<typeof SchedulerServiceDefinition> {
  readonly #options: SchedulerServiceOptions;

  constructor(options: SchedulerServiceOptions) {
    this.#options = options;
  }

  async subscribe(call: SubscribeCall): Promise<void> {
    const { sessions, check, connections, log } = this.#options;
    check("SubscribeRequest", call.request);
    const request = readAttachRequest(call.request, nameOf(identityOf(call)));
    const stream = new SubscribeStream(call, connections, log);
    const gone = new AbortController();
    let detach = () => {};
    call.on("cancelled", () => {
      gone.abort();
      stream.stop();
      detach();
    });
    try {
      const { session, attachment } = await sessions.attach(request, stream, gone.signal);
      detach = () => session.detach(attachment);
      const { frameworkName: framework, identity } = request;
      log.info({ framework, attachment: attachment.id, identity, peer: call.getPeer() }, "attached");
      // It may have gone between the last look and now.
      if (gone.signal.aborted) detach();
      else stream.begin(attachment);
    } catch (error) {
      stream.stop();
      if (!gone.signal.aborted) throw error;
    }
  }

  launchTasks(call: UnaryCall, done: Done): void {
    this.#send("LaunchTasksRequest", typedCalls.launchTasks, call, done);
  }

  acceptOffers(call: UnaryCall, done: Done): void {
    this.#send("AcceptOffersRequest", typedCalls.acceptOffers, call, done);
  }

  declineOffers(call: UnaryCall, done: Done): void {
    this.#send("DeclineOffersRequest", typedCalls.declineOffers, call, done, (gone) =>
      Buffer.from(DeclineOffersResponse.encode({ gone }).finish()),
    );
  }

  reviveOffers(call: UnaryCall, done: Done): void {
    this.#send("ReviveOffersRequest", typedCalls.reviveOffers, call, done);
  }

  suppressOffers(call: UnaryCall, done: Done): void {
    this.#send("SuppressOffersRequest", typedCalls.suppressOffers, call, done);
  }

  killTask(call: UnaryCall, done: Done): void {
    this.#send("KillTaskRequest", typedCalls.killTask, call, done);
  }

  reconcileTasks(call: UnaryCall, done: Done): void {
    this.#send("ReconcileTasksRequest", typedCalls.reconcileTasks, call, done);
  }

  sendMessage(call: UnaryCall, done: Done): void {
    this.#send("SendMessageRequest", typedCalls.sendMessage, call, done);
  }

  teardown(call: UnaryCall, done: Done): void {
    this.#send("TeardownRequest", typedCalls.teardown, call, done);
  }

  call(call: UnaryCall, done: Done): void {
    this.#send("CallRequest", typedCalls.call, call, done);
  }

  calls(call: DuplexCall): void {
    const { sessions, check, log, callsStreams } = this.#options;
    const checkCalls = (request: Buffer) => check("CallsRequest", request);
    const stream: CallsStream = new CallsStream(call, sessions, checkCalls, log, () => callsStreams.delete(stream));
    callsStreams.add(stream);
    stream.start();
  }

  acknowledge(call: UnaryCall, done: Done): void {
    const request = this.#read("AcknowledgeRequest", call);
    const { frameworkName, attachmentId, requestId } = readHeader(request);
    const { ackTokens } = AcknowledgeRequestFields;
    if (!request.has(ackTokens)) throw invalidField("ack_tokens", "must hold at least one token");
    checkTokenCount(request.count(ackTokens));
    const session = this.#options.sessions.get(frameworkName);
    session.acknowledge(attachmentId, requestId, request.strings(ackTokens), answerBy(done, empty));
  }

  closeSession(call: UnaryCall, done: Done): void {
    const { frameworkName, attachmentId } = readHeader(this.#read("CloseSessionRequest", call));
    this.#options.sessions.closeSession(frameworkName, attachmentId).then(() => done(undefined, EMPTY), done);
  }

  /** Makes the Mesos call that a request stands for. */
  #send(type: string, typed: TypedCall, call: UnaryCall, done: Done, respond: Respond = empty): void {
    const request = this.#read(type, call);
    const { frameworkName, attachmentId, requestId } = readHeader(request);
    const session = this.#options.sessions.get(frameworkName);
    session.call(attachmentId, requestId, typed(request), answerBy(done, respond));
  }

  /** @throws BridgeError INVALID_FIELD */
  #read(type: string, { request }: UnaryCall): RequestFields {
    this.#options.check(type, request);
    return new RequestFields(request);
  }
}

function answerBy(done: Done, respond: Respond): (answer: CallAnswer) => void {
  return (answer) => {
    if (answer.error) done(answer.error);
    else done(undefined, respond(answer.gone));
  };
}

/** Makes violations into the error that a client sees. */
export function checkBy(
  validate: (type: string, request: Uint8Array) => ReadonlyArray<{ field: string; description: string }>,
): CheckRequest {
  return (type, request) => {
    const violations = validate(`mesosbridge.v1.${type}`, request);
    const [first] = violations;
    if (!first) return;
    const more = violations.length === 1 ? "" : `, and ${violations.length - 1} more`;
    throw new BridgeError("INVALID_FIELD", `${first.field} ${first.description}${more}`, { violations });
  };
}
