import { KillPolicy } from "../../gen/mesos/v1/mesos.js";
import { EndAttachmentRequestFields } from "../../gen/mesosbridge/v1/admin.fields.js";
import {
  type AdminServiceDefinition,
  AdminServiceKillTaskRequest,
  EndAttachmentRequest,
  ListAttachmentsRequest,
  LogLevel,
  SetLogLevelRequest,
  SetLogLevelResponse,
  TeardownFrameworkRequest,
} from "../../gen/mesosbridge/v1/admin.js";
import type { Action, Operated } from "../access/audit/audit.js";
import type { Caller } from "../access/callers.js";
import type { LeveledLog } from "../log.js";
import { invalidField } from "../session/errors.js";
import type { CallAnswer } from "../session/requestMemory.js";
import type { SessionManager } from "../session/sessionManager.js";
import { attachmentPage } from "./attachmentList.js";
import { type CallersOfCalls, frameworkNameIn } from "./callerOf.js";
import { checkFrameworkName } from "./callHeader.js";
import type { Connections } from "./connections/connections.js";
import { decodeRequest } from "./decodeRequest.js";
import type { Done, Handlers, UnaryCall } from "./rawService.js";
import type { CheckRequest } from "./schedulerService.js";

export interface AdminServiceOptions {
  readonly sessions: SessionManager;
  readonly check: CheckRequest;
  readonly connections: Connections;
  readonly log: LeveledLog;
  readonly callers: CallersOfCalls;
}

const EMPTY = Buffer.alloc(0);

/** Pino's levels by those of the API. */
const LEVELS: ReadonlyMap<LogLevel, string> = new Map([
  [LogLevel.LOG_LEVEL_DEBUG, "debug"],
  [LogLevel.LOG_LEVEL_INFO, "info"],
  [LogLevel.LOG_LEVEL_WARN, "warn"],
  [LogLevel.LOG_LEVEL_ERROR, "error"],
]);

/** `mesosbridge.v1.AdminService`: what operators do with frameworks that are not theirs. All of it is in the log, and in the audit log. */
export class AdminService implements Handlers<typeof AdminServiceDefinition> {
  readonly #options: AdminServiceOptions;

  constructor(options: AdminServiceOptions) {
    this.#options = options;
  }

  listAttachments(call: UnaryCall, done: Done): void {
    const { sessions, connections } = this.#options;
    const { caller, request } = this.#read("ListAttachmentsRequest", ListAttachmentsRequest, call);
    connections.admitAnswer(connections.of(call));
    const isVisible = (frameworkName: string) => caller.rights.on(frameworkName).may("operate");
    const answer = attachmentPage(sessions, request, isVisible);
    connections.answered(answer.length);
    done(undefined, answer);
  }

  endAttachment(call: UnaryCall, done: Done): void {
    const { caller, request } = this.#read("EndAttachmentRequest", EndAttachmentRequest, call);
    const { frameworkName, attachmentId } = request;
    checkFrameworkName(frameworkName, "framework_name");
    if (attachmentId === "") throw invalidField("attachment_id", "is required: take it from ListAttachments");
    this.#options.sessions.get(frameworkName).clients.expel(attachmentId);
    this.#note(
      caller,
      "end-attachment",
      { framework: frameworkName, attachment: attachmentId },
      "an operator ended an attachment",
    );
    done(undefined, EMPTY);
  }

  killTask(call: UnaryCall, done: Done): void {
    const { caller, request } = this.#read("AdminServiceKillTaskRequest", AdminServiceKillTaskRequest, call);
    const { frameworkName, taskId, killPolicy } = request;
    checkFrameworkName(frameworkName, "framework_name");
    const id = taskId?.value ?? "";
    if (id === "") throw invalidField("task_id", "is required: take it from ObserverService.ListTasks");
    const policy = killPolicy && KillPolicy.encode(killPolicy).finish();
    this.#options.sessions.get(frameworkName).killTask(id, policy, answerBy(done));
    this.#note(caller, "kill-task", { framework: frameworkName, task: id }, "an operator kills a task");
  }

  teardownFramework(call: UnaryCall, done: Done): void {
    const { caller, request } = this.#read("TeardownFrameworkRequest", TeardownFrameworkRequest, call);
    const { frameworkName } = request;
    checkFrameworkName(frameworkName, "framework_name");
    const session = this.#options.sessions.get(frameworkName);
    this.#note(caller, "teardown-framework", { framework: frameworkName }, "an operator tears a framework down");
    session.tearDown(answerBy(done));
  }

  setLogLevel(call: UnaryCall, done: Done): void {
    const { log } = this.#options;
    const caller = this.#count(call);
    // The log is that of all frameworks.
    caller.expectEverywhere("operate");
    const request = this.#checked("SetLogLevelRequest", SetLogLevelRequest, call);
    const level = LEVELS.get(request.level);
    if (level === undefined) throw invalidField("level", "is required: use LOG_LEVEL_DEBUG, _INFO, _WARN or _ERROR");
    const [previousLevel = LogLevel.LOG_LEVEL_UNSPECIFIED] = [...LEVELS].find(([, name]) => name === log.level) ?? [];
    const what = { level, before: log.level };
    const note = () => this.#note(caller, "set-log-level", what, "an operator sets the level of the log");
    // While the log takes lines of this kind.
    const isLower = request.level > previousLevel;
    if (isLower) note();
    log.level = level;
    if (!isLower) note();
    done(undefined, Buffer.from(SetLogLevelResponse.encode({ previousLevel }).finish()));
  }

  /** Permission for the framework that is named comes first: without it a caller learns nothing. @throws BridgeError PERMISSION_DENIED, IDENTITY_LIMIT, INVALID_FIELD */
  #read<T>(name: string, type: { decode(bytes: Uint8Array): T }, call: UnaryCall): { caller: Caller; request: T } {
    const caller = this.#count(call);
    const frameworkName = frameworkNameIn(call.request, EndAttachmentRequestFields.frameworkName);
    if (frameworkName === "") caller.expectAnywhere("operate");
    else caller.expect("operate", frameworkName);
    return { caller, request: this.#checked(name, type, call) };
  }

  /** @throws BridgeError IDENTITY_LIMIT */
  #count(call: UnaryCall): Caller {
    const caller = this.#options.callers.of(call);
    caller.countCall();
    return caller;
  }

  /** @throws BridgeError INVALID_FIELD */
  #checked<T>(name: string, type: { decode(bytes: Uint8Array): T }, { request }: UnaryCall): T {
    this.#options.check(name, request);
    return decodeRequest(type, request);
  }

  #note(caller: Caller, action: Action, what: Operated & { before?: string }, message: string): void {
    this.#options.log.info({ ...what, identity: caller.name }, message);
    caller.operated(action, what);
  }
}

function answerBy(done: Done): (answer: CallAnswer) => void {
  return ({ error }) => (error ? done(error) : done(undefined, EMPTY));
}
