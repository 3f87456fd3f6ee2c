import {
  AcceptOffersRequestFields,
  AcknowledgeRequestFields,
  CallRequestFields,
  CloseSessionRequestFields,
  LaunchTasksRequestFields,
  SubscribeRequestFields,
} from "../../gen/mesosbridge/v1/scheduler.fields.js";
import {
  AcceptOffersResponse,
  DeclineOffersResponse,
  LaunchTasksResponse,
  type SchedulerServiceDefinition,
} from "../../gen/mesosbridge/v1/scheduler.js";
import type { Admission } from "../access/admission/admission.js";
import type { Caller } from "../access/callers.js";
import { type Claim, FrameworkOwners } from "../access/frameworkOwners.js";
import { withdrawn } from "../access/permissions/refusals.js";
import type { Log } from "../log.js";
import type { Attachment } from "../session/attachment.js";
import type { AttachRequest } from "../session/attachRequest.js";
import type { CallContext } from "../session/callContext.js";
import { BridgeError, invalidField } from "../session/errors.js";
import type { LaunchCheck } from "../session/launchCheck.js";
import type { CallAnswer, TakenAnswer } from "../session/requestMemory.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";
import { checkTokenCount } from "./ackTokens.js";
import { acknowledges, admitCall, refusalOf } from "./admitCall.js";
import { readAttachRequest } from "./attachRequest.js";
import { type CallersOfCalls, frameworkNameIn, frameworkNameInHeader } from "./callerOf.js";
import { type CallHeader, readHeader } from "./callHeader.js";
import { CallsStream } from "./callsStream.js";
import type { CallTraces } from "./callTraces.js";
import type { Connections } from "./connections/connections.js";
import { identityOf } from "./identityOf.js";
import { type LaunchContent, type LaunchContentFields, readLaunchContent } from "./launchContent.js";
import type { Done, DuplexCall, Handlers, UnaryCall } from "./rawService.js";
import { RequestFields } from "./requestFields.js";
import { type StateCall, stateCalls } from "./stateCalls.js";
import { type SubscribeCall, SubscribeStream } from "./subscribeStream.js";
import { type TypedCall, typedCalls } from "./typedCalls.js";

/** Checks a serialized request of a type (`SubscribeRequest`, ...). @throws BridgeError INVALID_FIELD */
export type CheckRequest = (type: string, request: Uint8Array) => void;

export interface SchedulerServiceOptions {
  readonly sessions: SessionManager;
  readonly check: CheckRequest;
  readonly connections: Connections;
  readonly callers: CallersOfCalls;
  readonly log: Log;
  /** Open Calls streams, so that shutdown can end them. */
  readonly callsStreams: Set<CallsStream>;
  /** Holds launches against the operator's rules. Undefined: there are none, and nothing is looked at. */
  readonly admission: Admission | undefined;
  readonly traces: CallTraces;
}

/** How a call that is one Mesos call differs from the others. */
interface SendOptions {
  /** Default: an empty response. */
  readonly respond?: Respond;
  /** Default: a call counts. */
  readonly unlimited?: IsUnlimited;
  /** Where its request has what is committed with a launch. Default: it launches nothing. */
  readonly content?: LaunchContentFields;
}

/** Whether a call is an acknowledgement, which no limit holds up. */
type IsUnlimited = (call: UnaryCall) => boolean;
const never: IsUnlimited = () => false;
const always: IsUnlimited = () => true;

/** Characters of a client's user agent that are logged. */
const MAX_USER_AGENT = 100;

const EMPTY = Buffer.alloc(0);
const empty = () => EMPTY;
/** Makes the response to a call. */
type Respond = (answer: TakenAnswer) => Buffer;

/** The response to a launch: most have written no state, and say nothing. */
function launched(type: typeof LaunchTasksResponse | typeof AcceptOffersResponse): Respond {
  return ({ stateVersion = 0 }) =>
    stateVersion === 0 ? EMPTY : Buffer.from(type.encode({ stateVersion: BigInt(stateVersion) }).finish());
}

/** `mesosbridge.v1.SchedulerService`: translates requests into what sessions understand. */
export class SchedulerService implements Handlers<typeof SchedulerServiceDefinition> {
  readonly #options: SchedulerServiceOptions;
  readonly #owners: FrameworkOwners;

  constructor(options: SchedulerServiceOptions) {
    this.#options = options;
    this.#owners = new FrameworkOwners((frameworkName) => options.sessions.find(frameworkName) !== undefined);
  }

  async subscribe(call: SubscribeCall): Promise<void> {
    const { sessions, connections, log } = this.#options;
    const caller = this.#options.callers.of(call);
    const { request, isImport } = this.#attachRequest(call, caller);
    const { frameworkName: framework, identity, peer } = request;
    const counted = this.#count(caller, framework);
    const gone = new AbortController();
    let detach = () => {};
    const stream = new SubscribeStream(call, connections, log, caller, sessions.counts.lag, () => detach());
    call.on("cancelled", () => {
      gone.abort();
      stream.stop();
      counted.end();
      detach();
    });
    let wasActive = false;
    const onPromoted = ({ id }: Attachment) => {
      wasActive = true;
      counted.attached();
      caller.did("promote", framework, { attachment: id, peer });
    };
    try {
      const onNotPromoted = (error: unknown) => caller.failed(error);
      const waits = { onPromoted, onNotPromoted };
      const { session, attachment } = await sessions.attach({ ...request, ...waits }, stream, gone.signal);
      wasActive = attachment.active;
      if (wasActive) counted.attached();
      const unfollow = this.#endIfWithdrawn(stream, caller, session, attachment);
      const unlimit = this.#options.callers.limitAge(call, (tooOld) => stream.end(tooOld));
      detach = () => {
        detach = () => {};
        unfollow();
        unlimit();
        // One that has waited in vain owns nothing.
        if (!wasActive) counted.failed();
        log.info({ framework, attachment: attachment.id, identity, ...stream.ending }, "detached");
        session.clients.detach(attachment);
      };
      const attached = { framework, attachment: attachment.id, identity, peer, ...userAgentOf(call) };
      log.info({ ...attached, mode: modeOf(attachment) }, "attached");
      caller.did(attachment.active ? "attach" : "stand-by", framework, { attachment: attachment.id, peer });
      if (isImport()) caller.imported(framework, session.state.record.frameworkId);
      // It may have gone between the last look and now.
      if (gone.signal.aborted) detach();
      else stream.begin(attachment);
    } catch (error) {
      counted.failed();
      stream.stop();
      if (!gone.signal.aborted) throw error;
    }
  }

  launchTasks(call: UnaryCall, done: Done): void {
    const options = { respond: launched(LaunchTasksResponse), content: LaunchTasksRequestFields };
    this.#send("LaunchTasksRequest", typedCalls.launchTasks, call, done, options);
  }

  acceptOffers(call: UnaryCall, done: Done): void {
    const options = { respond: launched(AcceptOffersResponse), content: AcceptOffersRequestFields };
    this.#send("AcceptOffersRequest", typedCalls.acceptOffers, call, done, options);
  }

  declineOffers(call: UnaryCall, done: Done): void {
    const respond: Respond = ({ gone }) => Buffer.from(DeclineOffersResponse.encode({ gone }).finish());
    this.#send("DeclineOffersRequest", typedCalls.declineOffers, call, done, { respond });
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

  getState(call: UnaryCall, done: Done): void {
    this.#aboutState("GetStateRequest", stateCalls.getState, call, done);
  }

  putState(call: UnaryCall, done: Done): void {
    this.#aboutState("PutStateRequest", stateCalls.putState, call, done);
  }

  deleteState(call: UnaryCall, done: Done): void {
    this.#aboutState("DeleteStateRequest", stateCalls.deleteState, call, done);
  }

  listState(call: UnaryCall, done: Done): void {
    this.#aboutState("ListStateRequest", stateCalls.listState, call, done);
  }

  call(call: UnaryCall, done: Done): void {
    const unlimited: IsUnlimited = ({ request }) => acknowledgesIn(request);
    this.#send("CallRequest", typedCalls.call, call, done, { unlimited });
  }

  calls(call: DuplexCall): void {
    const { sessions, check, log, callers, callsStreams, connections } = this.#options;
    const caller = callers.of(call);
    caller.countCall();
    caller.expectAnywhere("call");
    const checkCalls = (request: Buffer) => check("CallsRequest", request);
    const launchCheck = this.#launchCheck(call);
    const options = { sessions, check: checkCalls, caller, launchCheck, log, refusals: connections.refusals };
    const stream: CallsStream = new CallsStream(call, options, () => {
      unfollow();
      unlimit();
      callsStreams.delete(stream);
    });
    const unfollow = callers.onChanged(() => stream.permissionsChanged());
    const unlimit = callers.limitAge(call, (tooOld) => stream.endWhenAnswered(tooOld));
    callsStreams.add(stream);
    stream.start();
  }

  acknowledge(call: UnaryCall, done: Done): void {
    const { request, header } = this.#read("AcknowledgeRequest", "call", call, always);
    const { frameworkName, attachmentId, requestId } = header;
    const { ackTokens } = AcknowledgeRequestFields;
    if (!request.has(ackTokens)) throw invalidField("ack_tokens", "must hold at least one token");
    checkTokenCount(request.count(ackTokens));
    const session = this.#options.sessions.get(frameworkName);
    const trace = this.#options.traces.of(call);
    session.acknowledge(attachmentId, requestId, request.strings(ackTokens), answerBy(done, empty), trace);
  }

  confirmPromotion(call: UnaryCall, done: Done): void {
    const { header } = this.#read("ConfirmPromotionRequest", "attach", call, always);
    const { frameworkName, attachmentId, requestId } = header;
    this.#options.sessions.get(frameworkName).confirm(attachmentId, requestId, answerBy(done, empty));
  }

  closeSession(call: UnaryCall, done: Done): void {
    const { caller, request, header } = this.#read("CloseSessionRequest", "attach", call);
    const { frameworkName, attachmentId } = header;
    const handover = request.varint(CloseSessionRequestFields.handover) !== 0;
    const ended: Done = (error, response) => {
      caller.did(
        handover ? "hand-over" : "close",
        frameworkName,
        response === undefined ? { failed: reasonOf(error) } : {},
      );
      done(error, response);
    };
    this.#options.sessions
      .closeSession(frameworkName, attachmentId, handover)
      .then(() => ended(undefined, EMPTY), ended);
  }

  /** Reads or writes the state of a framework's scheduler. */
  #aboutState(type: string, make: StateCall, call: UnaryCall, done: Done): void {
    const { request, header } = this.#read(type, "call", call);
    const session = this.#options.sessions.get(header.frameworkName);
    make({ request, bytes: call.request, header, session, answer: (respond) => answerBy(done, respond) });
  }

  /** Makes the Mesos call that a request stands for. */
  #send(
    type: string,
    typed: TypedCall,
    call: UnaryCall,
    done: Done,
    { respond = empty, unlimited = never, content }: SendOptions = {},
  ): void {
    const { caller, request, header } = this.#read(type, "call", call, unlimited);
    const { frameworkName, attachmentId, requestId } = header;
    const session = this.#options.sessions.get(frameworkName);
    const message = typed(request);
    admitCall(caller, this.#options.sessions, session, message);
    caller.sends(frameworkName, message);
    const remembered = content && readLaunchContent(request, content);
    session.call(attachmentId, requestId, message, answerBy(done, respond), this.#context(call, remembered));
  }

  #context(call: UnaryCall, content: LaunchContent | undefined): CallContext | undefined {
    const check = this.#launchCheck(call);
    const trace = this.#options.traces.of(call);
    return check || trace || content ? { check, ...content, trace } : undefined;
  }

  /** The check of launches that this caller asks for. */
  #launchCheck(call: UnaryCall | DuplexCall): LaunchCheck | undefined {
    const { admission } = this.#options;
    if (!admission) return undefined;
    const identity = identityOf(call);
    return (accept, framework) => admission.check(accept, { identity, framework });
  }

  /**
   * A call counts before anything is looked at, so that no limit is passed by calls that are refused. Permission comes
   * next: without it a caller learns nothing of what it asks for.
   *
   * @throws BridgeError IDENTITY_LIMIT, PERMISSION_DENIED, INVALID_FIELD
   */
  #read(type: string, verb: "attach" | "call", call: UnaryCall, unlimited: IsUnlimited = never): ReadRequest {
    const caller = this.#options.callers.of(call);
    if (caller.limitsCalls && !unlimited(call)) caller.countCall();
    if (caller.rights.restricted) caller.expect(verb, frameworkNameInHeader(call.request));
    this.#options.check(type, call.request);
    const request = new RequestFields(call.request);
    return { caller, request, header: readHeader(request) };
  }

  /** @throws BridgeError PERMISSION_DENIED, IDENTITY_LIMIT, INVALID_FIELD */
  #attachRequest(call: SubscribeCall, caller: Caller): { request: AttachRequest; isImport(): boolean } {
    caller.countCall();
    if (caller.rights.restricted) {
      caller.expect("attach", frameworkNameIn(call.request, SubscribeRequestFields.frameworkName));
    }
    this.#options.check("SubscribeRequest", call.request);
    const request = readAttachRequest(call.request, caller.name, call.getPeer());
    const { frameworkName } = request;
    // When the lease runs out, the framework is torn down in the caller's name.
    if (request.expiryPolicy === "teardown") caller.expect("call", frameworkName);
    let isImport = false;
    const admit: AttachRequest["admit"] = ({ imported, suppressedRoles, ...framework }) => {
      caller.expect("attach", frameworkName);
      if (request.expiryPolicy === "teardown") caller.expect("call", frameworkName);
      if (imported) caller.expect("import", frameworkName);
      caller.expectFramework({ frameworkName, ...framework }, suppressedRoles);
      isImport = imported;
    };
    const mayTearDown = () => {
      const session = this.#options.sessions.find(frameworkName);
      return session !== undefined && this.#withdrawal(caller, session) === undefined;
    };
    return { request: { ...request, admit, mayTearDown }, isImport: () => isImport };
  }

  /** Counts an attachment in. @throws BridgeError IDENTITY_LIMIT */
  #count({ name, usage, rights }: Caller, frameworkName: string): Counted {
    const { limits, restricted } = rights;
    usage.admitBytes(limits);
    const end = usage.attachment(frameworkName, limits);
    if (!restricted) return { end, attached: () => {}, failed: end };
    try {
      const claim = this.#owners.claim(name, frameworkName, limits.frameworks);
      const failed = () => {
        end();
        claim.failed();
      };
      return { end, attached: claim.attached, failed };
    } catch (error) {
      end();
      throw error;
    }
  }

  /** Why a caller may not be attached to a framework as it is any more, if it may not. */
  #withdrawal(caller: Caller, session: Session): BridgeError | undefined {
    const { frameworkName } = session;
    const { frameworkInfo, suppressedRoles, expiryPolicy } = session.state.record;
    const principal = this.#options.sessions.principalOf(frameworkName);
    return refusalOf(() => {
      caller.expect("attach", frameworkName);
      if (expiryPolicy === "teardown") caller.expect("call", frameworkName);
      caller.expectFramework({ frameworkName, frameworkInfo, principal }, suppressedRoles);
    });
  }

  /** The same for one that may have to wait: then what it asked for counts. */
  #withdrawalOf(attachment: Attachment, caller: Caller, session: Session): BridgeError | undefined {
    if (attachment.active) return this.#withdrawal(caller, session);
    const problem = refusalOf(() => this.#options.sessions.recheck(session, attachment));
    return problem?.reason === "PERMISSION_DENIED" ? problem : undefined;
  }

  /** Ends a stream once its caller may not have it any more. Returns what ends that. */
  #endIfWithdrawn(stream: SubscribeStream, caller: Caller, session: Session, attachment: Attachment): () => void {
    const look = () => {
      const problem = this.#withdrawalOf(attachment, caller, session);
      if (!problem) return;
      caller.failed(withdrawn(problem));
      stream.end(withdrawn(problem));
    };
    const unfollow = this.#options.callers.onChanged(look);
    // They may have changed while it attached.
    if (caller.rights.restricted) look();
    return unfollow;
  }
}

/** An attachment that counts. */
interface Counted extends Claim {
  /** Its stream is over. */
  end(): void;
}

/** What a client gets first: what it missed, or a snapshot, at once or when it is promoted. */
function modeOf({ active, resumed }: Attachment): "standby" | "resumed" | "snapshot" {
  if (!active) return "standby";
  return resumed ? "resumed" : "snapshot";
}

/** What a client's gRPC library says of itself, which tells the language. */
function userAgentOf({ metadata }: SubscribeCall): { readonly userAgent?: string } {
  const [userAgent] = metadata.get("user-agent");
  return typeof userAgent === "string" ? { userAgent: userAgent.slice(0, MAX_USER_AGENT) } : {};
}

const reasonOf = (error: unknown) => (error instanceof BridgeError ? error.reason : "INTERNAL");

interface ReadRequest {
  readonly caller: Caller;
  readonly request: RequestFields;
  readonly header: CallHeader;
}

/** Whether a serialized CallRequest is an acknowledgement. */
function acknowledgesIn(request: Uint8Array): boolean {
  try {
    return acknowledges(new RequestFields(request).message(CallRequestFields.call));
  } catch {
    return false;
  }
}

function answerBy(done: Done, respond: Respond): (answer: CallAnswer) => void {
  return (answer) => {
    if (answer.error) done(answer.error);
    else done(undefined, respond(answer));
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
