import { Call, Call_Type, Event } from "../../gen/mesos/v1/scheduler/scheduler.js";
import type { MessageType } from "../codec/messages.js";
import { acceptedMediaType } from "../http/accept.js";
import { ACCEPTED, type Answer, notImplemented, type Request, textAnswer } from "../http/answer.js";
import { authenticate, type Credential } from "../http/basicAuth.js";
import { EventStream } from "../http/eventStream.js";
import { notAcceptable, readCall } from "../http/requestBody.js";
import { handleCall } from "./calls.js";
import { invalidCall, principalMismatch } from "./callValidation.js";
import type { Framework } from "./entities.js";
import { disconnectFramework, newStreamId, subscribe } from "./frameworks.js";
import type { MasterState } from "./state.js";
import { updateFrameworkCall } from "./updateFramework.js";

const CALL: MessageType<Call> = { name: "mesos.v1.scheduler.Call", fns: Call };
const EVENT: MessageType<Event> = { name: "mesos.v1.scheduler.Event", fns: Event };
const REALM = "mesos-master-scheduler";
const STREAM_ID = "mesos-stream-id";

/** Why a master answers no scheduler at the moment. */
export type StandDown =
  | { readonly kind: "redirect"; readonly leader: string }
  | { readonly kind: "unavailable"; readonly text: string };

/** POST /api/v1/scheduler, with all checks in Mesos's order. */
export function handleScheduler(
  state: MasterState,
  request: Request,
  credentials: readonly Credential[],
  standDown: StandDown | undefined,
): Answer {
  const caller = authenticate(request, REALM, credentials);
  if ("refusal" in caller) return caller.refusal;
  if (standDown) return standDownAnswer(standDown, request);
  const body = readCall(request, CALL);
  if ("refusal" in body) return body.refusal;
  const { call } = body;
  const invalid = invalidCall(call, caller.principal);
  if (invalid !== undefined) return textAnswer(400, `Failed to validate scheduler::Call: ${invalid}`);
  if (call.type === Call_Type.SUBSCRIBE) return handleSubscribe(state, request, call, caller.principal);
  if (call.type === Call_Type.RECONCILE_OPERATIONS && !acceptedMediaType(request.headers.accept))
    return notAcceptable();
  const found = findFramework(state, request, call, caller.principal);
  if ("refusal" in found) return found.refusal;
  if (call.type === Call_Type.UPDATE_FRAMEWORK) return updateFrameworkCall(state, found.framework, call);
  if (call.type === Call_Type.UNKNOWN) return notImplemented();
  handleCall(state, found.framework, call);
  return ACCEPTED;
}

/** A master that isn't the leader sends callers to it, or away. */
export function standDownAnswer(standDown: StandDown, request: Request): Answer {
  if (standDown.kind === "unavailable") return textAnswer(503, standDown.text);
  return { status: 307, headers: { Location: `//${standDown.leader}${request.target}` } };
}

function handleSubscribe(state: MasterState, request: Request, call: Call, principal: string | undefined): Answer {
  const mediaType = acceptedMediaType(request.headers.accept);
  if (!mediaType) return notAcceptable();
  if (request.headers[STREAM_ID] !== undefined) {
    return textAnswer(400, "Subscribe calls should not include the 'Mesos-Stream-Id' header");
  }
  const streamId = newStreamId();
  const stream = new EventStream(EVENT, mediaType);
  return {
    status: 200,
    headers: { "Mesos-Stream-Id": streamId, "Content-Type": mediaType },
    stream(response) {
      stream.open(response, () => {
        const owner = [...state.frameworks.values()].find((framework) => framework.stream === stream);
        if (owner) disconnectFramework(state, owner);
      });
      if (call.subscribe) subscribe(state, call.subscribe, { stream, streamId, principal });
    },
  };
}

function findFramework(
  state: MasterState,
  request: Request,
  call: Call,
  principal: string | undefined,
): { framework: Framework } | { refusal: Answer } {
  const id = call.frameworkId?.value ?? "";
  const framework = state.frameworks.get(id);
  if (!framework) return { refusal: textAnswer(400, "Framework cannot be found") };
  const mismatch = principalMismatch(principal, framework.info.principal);
  if (mismatch !== undefined) return { refusal: textAnswer(400, mismatch) };
  if (!framework.connected) return { refusal: textAnswer(403, "Framework is not subscribed") };
  const streamId = request.headers[STREAM_ID];
  if (streamId === undefined) {
    return { refusal: textAnswer(400, "All non-subscribe calls should include the 'Mesos-Stream-Id' header") };
  }
  if (streamId !== framework.streamId) {
    const text = `The stream ID '${streamId}' included in this request didn't match the stream ID currently associated with framework ID ${id}`;
    return { refusal: textAnswer(400, text) };
  }
  return { framework };
}
