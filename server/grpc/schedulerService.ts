import type { ServerDuplexStream, ServerUnaryCall, sendUnaryData, UntypedServiceImplementation } from "@grpc/grpc-js";
import { AcknowledgeRequestFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { DeclineOffersResponse } from "../../gen/mesosbridge/v1/scheduler.js";
import type { Log } from "../log.js";
import { BridgeError, invalidField } from "../session/errors.js";
import type { CallAnswer } from "../session/requestMemory.js";
import type { Identity, SessionManager } from "../session/sessionManager.js";
import { checkTokenCount } from "./ackTokens.js";
import { readAttachRequest } from "./attachRequest.js";
import { readHeader } from "./callHeader.js";
import { CallsStream } from "./callsStream.js";
import type { Connections } from "./connections/connections.js";
import { EventStream, type EventsCall } from "./eventStream.js";
import { RequestFields } from "./requestFields.js";
import { statusOf } from "./statusOf.js";
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

type Unary = (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => void;

const EMPTY = Buffer.alloc(0);

/** `mesosbridge.v1.SchedulerService`: translates requests into what sessions understand. */
export function schedulerService({
  sessions,
  check,
  connections,
  log,
  callsStreams,
}: SchedulerServiceOptions): UntypedServiceImplementation {
  /** A handler whose errors all go through the one funnel. */
  const unary = (type: string, handle: (request: RequestFields, callback: sendUnaryData<Buffer>) => void): Unary => {
    return (call, callback) => {
      try {
        check(type, call.request);
        handle(new RequestFields(call.request), callback);
      } catch (error) {
        callback(statusOf(error, log));
      }
    };
  };

  const answer = (callback: sendUnaryData<Buffer>, encode: (gone: number) => Buffer) => (result: CallAnswer) => {
    if (result.error) callback(statusOf(result.error, log));
    else callback(null, encode(result.gone));
  };

  const mesosCall = (type: string, typed: TypedCall, encode: (gone: number) => Buffer = () => EMPTY): Unary =>
    unary(type, (request, callback) => {
      const { frameworkName, attachmentId, requestId } = readHeader(request);
      sessions.get(frameworkName).call(attachmentId, requestId, typed(request), answer(callback, encode));
    });

  const acknowledge = unary("AcknowledgeRequest", (request, callback) => {
    const { frameworkName, attachmentId, requestId } = readHeader(request);
    const { ackTokens } = AcknowledgeRequestFields;
    if (!request.has(ackTokens)) throw invalidField("ack_tokens", "must hold at least one token");
    checkTokenCount(request.count(ackTokens));
    sessions.get(frameworkName).acknowledge(
      attachmentId,
      requestId,
      request.strings(ackTokens),
      answer(callback, () => EMPTY),
    );
  });

  const closeSession = unary("CloseSessionRequest", (request, callback) => {
    const { frameworkName, attachmentId } = readHeader(request);
    sessions.closeSession(frameworkName, attachmentId).then(
      () => callback(null, EMPTY),
      (error: unknown) => callback(statusOf(error, log)),
    );
  });

  const checkCalls = (request: Buffer) => check("CallsRequest", request);

  return {
    subscribe: (call: EventsCall) => {
      subscribe(call).catch((error: unknown) => call.emit("error", statusOf(error, log)));
    },
    launchTasks: mesosCall("LaunchTasksRequest", typedCalls.launchTasks),
    acceptOffers: mesosCall("AcceptOffersRequest", typedCalls.acceptOffers),
    declineOffers: mesosCall("DeclineOffersRequest", typedCalls.declineOffers, (gone) =>
      Buffer.from(DeclineOffersResponse.encode({ gone }).finish()),
    ),
    reviveOffers: mesosCall("ReviveOffersRequest", typedCalls.reviveOffers),
    suppressOffers: mesosCall("SuppressOffersRequest", typedCalls.suppressOffers),
    killTask: mesosCall("KillTaskRequest", typedCalls.killTask),
    reconcileTasks: mesosCall("ReconcileTasksRequest", typedCalls.reconcileTasks),
    sendMessage: mesosCall("SendMessageRequest", typedCalls.sendMessage),
    teardown: mesosCall("TeardownRequest", typedCalls.teardown),
    call: mesosCall("CallRequest", typedCalls.call),
    acknowledge,
    closeSession,
    calls: (call: ServerDuplexStream<Buffer, Buffer>) => {
      const stream: CallsStream = new CallsStream(call, sessions, checkCalls, log, () => callsStreams.delete(stream));
      callsStreams.add(stream);
      stream.start();
    },
  };

  async function subscribe(call: EventsCall): Promise<void> {
    check("SubscribeRequest", call.request);
    const request = readAttachRequest(call.request, identityOf(call));
    const stream = new EventStream(call, connections, log);
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
      log.info(
        { framework: request.frameworkName, attachment: attachment.id, peer: request.identity.name },
        "attached",
      );
      // It may have gone between the last look and now.
      if (gone.signal.aborted) detach();
      else stream.begin(attachment);
    } catch (error) {
      stream.stop();
      if (!gone.signal.aborted) throw error;
    }
  }
}

function identityOf(call: { getPeer(): string }): Identity {
  return { name: call.getPeer() };
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
