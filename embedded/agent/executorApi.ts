import { Call, Call_Type, Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  CheckInfo_Type,
  type CheckStatusInfo,
  TaskStatus_Source as Source,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import { isUuid } from "../../wire/uuid.js";
import { every } from "../clock.js";
import type { MessageType } from "../codec/messages.js";
import { acceptedMediaType } from "../http/accept.js";
import { ACCEPTED, type Answer, notImplemented, type Request, textAnswer } from "../http/answer.js";
import { EventStream } from "../http/eventStream.js";
import { notAcceptable, readCall } from "../http/requestBody.js";
import type { AgentFramework, Executor } from "./executor.js";
import { subscribeExecutor } from "./executorSubscription.js";
import type { AgentState } from "./state.js";
import { updateFromExecutor } from "./taskUpdates.js";

const CALL: MessageType<Call> = { name: "mesos.v1.executor.Call", fns: Call };
const EVENT: MessageType<Event> = { name: "mesos.v1.executor.Event", fns: Event };

/** POST /api/v1/executor, with all checks in Mesos's order. */
export function handleExecutor(state: AgentState, request: Request): Answer {
  const body = readCall(request, CALL);
  if ("refusal" in body) return body.refusal;
  const { call } = body;
  const invalid = invalidCall(call);
  if (invalid !== undefined) return textAnswer(400, `Failed to validate Executor::Call: ${invalid}`);
  if (call.type === Call_Type.SUBSCRIBE && !acceptedMediaType(request.headers.accept)) return notAcceptable();
  if (call.type === Call_Type.HEARTBEAT) return ACCEPTED;
  if (state.recovering && call.type !== Call_Type.SUBSCRIBE) {
    return textAnswer(503, "Agent has not finished recovery");
  }
  const framework = state.frameworks.get(call.frameworkId?.value ?? "");
  if (!framework) return textAnswer(400, "Framework cannot be found");
  const executor = framework.executors.get(call.executorId?.value ?? "");
  if (!executor) return textAnswer(400, "Executor cannot be found");
  if (call.type === Call_Type.SUBSCRIBE) return subscribe(state, request, call, framework, executor);
  if (executor.state === "registering") return textAnswer(403, "Executor is not subscribed");
  return handleCall(state, call, framework, executor);
}

function handleCall(state: AgentState, call: Call, framework: AgentFramework, executor: Executor): Answer {
  switch (call.type) {
    case Call_Type.UPDATE:
      if (call.update?.status) updateFromExecutor(state, framework, executor, call.update.status);
      return ACCEPTED;
    case Call_Type.MESSAGE:
      state.toMaster((master, agentId) =>
        master.messageToFramework(agentId, framework.id, executor.id, call.message?.data ?? Buffer.alloc(0)),
      );
      return ACCEPTED;
    default:
      return notImplemented();
  }
}

function subscribe(
  state: AgentState,
  request: Request,
  call: Call,
  framework: AgentFramework,
  executor: Executor,
): Answer {
  const mediaType = acceptedMediaType(request.headers.accept);
  if (!mediaType) return notAcceptable();
  const stream = new EventStream(EVENT, mediaType);
  return {
    status: 200,
    headers: { "Content-Type": mediaType },
    stream(response) {
      const intervalMs = state.flags.duration("executor_heartbeat_interval");
      const stopHeartbeats = every(state.clock, intervalMs, () => stream.send({ type: Event_Type.HEARTBEAT }));
      response.on("close", stopHeartbeats);
      // As in Mesos, a broken stream changes nothing: events are lost until the executor subscribes again.
      stream.open(response, () => {});
      const parts = call.subscribe ?? { unacknowledgedTasks: [], unacknowledgedUpdates: [] };
      subscribeExecutor(state, framework, executor, stream, parts);
    },
  };
}

function invalidCall(call: Call): string | undefined {
  switch (call.type) {
    case undefined:
      return "Expecting 'type' to be present";
    case Call_Type.SUBSCRIBE:
      return call.subscribe ? undefined : "Expecting 'subscribe' to be present";
    case Call_Type.UPDATE:
      return call.update?.status ? invalidStatus(call, call.update.status) : "Expecting 'update' to be present";
    case Call_Type.MESSAGE:
      return call.message ? undefined : "Expecting 'message' to be present";
    default:
      return undefined;
  }
}

function invalidStatus(call: Call, status: TaskStatus): string | undefined {
  if (status.uuid === undefined) return "Expecting 'uuid' to be present";
  if (!isUuid(status.uuid)) return "Not a valid UUID";
  const [inCall, inStatus] = [call.executorId?.value, status.executorId?.value];
  if (inStatus !== undefined && inStatus !== inCall) {
    return `ExecutorID in Call: ${inCall} does not match ExecutorID in TaskStatus: ${inStatus}`;
  }
  if (status.source !== Source.SOURCE_EXECUTOR) {
    return `Received Call from executor ${inCall} of framework ${call.frameworkId?.value} with invalid source, expecting 'SOURCE_EXECUTOR'`;
  }
  if (status.state === TaskState.TASK_STAGING) {
    return `Received TASK_STAGING from executor ${inCall} of framework ${call.frameworkId?.value} which is not allowed`;
  }
  return status.checkStatus && invalidCheckStatus(status.checkStatus);
}

function invalidCheckStatus(status: CheckStatusInfo): string | undefined {
  switch (status.type) {
    case undefined:
      return "CheckStatusInfo must specify 'type'";
    case CheckInfo_Type.COMMAND:
      return status.command ? undefined : "Expecting 'command' to be set for COMMAND check's status";
    case CheckInfo_Type.HTTP:
      return status.http ? undefined : "Expecting 'http' to be set for HTTP check's status";
    case CheckInfo_Type.TCP:
      return status.tcp ? undefined : "Expecting 'tcp' to be set for TCP check's status";
    default:
      return "'UNKNOWN' is not a valid check's status type";
  }
}
