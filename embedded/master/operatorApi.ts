import { Call, Call_Type, Response, Response_Type } from "../../gen/mesos/v1/master/master.js";
import { encodeMessage, type MessageType } from "../codec/messages.js";
import { acceptedMediaType } from "../http/accept.js";
import { type Answer, notImplemented, type Request, textAnswer } from "../http/answer.js";
import { notAcceptable, readCall } from "../http/requestBody.js";
import { VERSION } from "../version.js";
import { markGone } from "./agentRemoval.js";
import type { AgentDesk } from "./agents.js";
import { drainingCall } from "./drainingApi.js";
import { maintenanceCall, maintenanceStatus } from "./maintenanceApi.js";
import { metrics } from "./metrics.js";
import {
  describeAgents,
  describeExecutors,
  describeFrameworks,
  describeOperations,
  describeTasks,
} from "./operatorViews.js";
import { invalidReservationCall, reservationCall } from "./reservationApi.js";
import { roleCall } from "./roleApi.js";
import { describeRoles } from "./roles.js";
import type { MasterState } from "./state.js";
import { teardown } from "./teardown.js";

const CALL: MessageType<Call> = { name: "mesos.v1.master.Call", fns: Call };
const RESPONSE: MessageType<Response> = { name: "mesos.v1.master.Response", fns: Response };

/** The part of the call that a type needs, as property and as Mesos names it. */
const PARTS: ReadonlyMap<Call_Type, readonly [keyof Call, string]> = new Map([
  [Call_Type.TEARDOWN, ["teardown", "teardown"]],
  [Call_Type.GET_METRICS, ["getMetrics", "get_metrics"]],
  [Call_Type.MARK_AGENT_GONE, ["markAgentGone", "mark_agent_gone"]],
  [Call_Type.UPDATE_MAINTENANCE_SCHEDULE, ["updateMaintenanceSchedule", "update_maintenance_schedule"]],
  [Call_Type.START_MAINTENANCE, ["startMaintenance", "start_maintenance"]],
  [Call_Type.STOP_MAINTENANCE, ["stopMaintenance", "stop_maintenance"]],
  [Call_Type.SET_LOGGING_LEVEL, ["setLoggingLevel", "set_logging_level"]],
  [Call_Type.LIST_FILES, ["listFiles", "list_files"]],
  [Call_Type.READ_FILE, ["readFile", "read_file"]],
  [Call_Type.UPDATE_WEIGHTS, ["updateWeights", "update_weights"]],
  [Call_Type.RESERVE_RESOURCES, ["reserveResources", "reserve_resources"]],
  [Call_Type.UNRESERVE_RESOURCES, ["unreserveResources", "unreserve_resources"]],
  [Call_Type.CREATE_VOLUMES, ["createVolumes", "create_volumes"]],
  [Call_Type.DESTROY_VOLUMES, ["destroyVolumes", "destroy_volumes"]],
  [Call_Type.GROW_VOLUME, ["growVolume", "grow_volume"]],
  [Call_Type.SHRINK_VOLUME, ["shrinkVolume", "shrink_volume"]],
  [Call_Type.UPDATE_QUOTA, ["updateQuota", "update_quota"]],
  [Call_Type.SET_QUOTA, ["setQuota", "set_quota"]],
  [Call_Type.REMOVE_QUOTA, ["removeQuota", "remove_quota"]],
  [Call_Type.DRAIN_AGENT, ["drainAgent", "drain_agent"]],
  [Call_Type.DEACTIVATE_AGENT, ["deactivateAgent", "deactivate_agent"]],
  [Call_Type.REACTIVATE_AGENT, ["reactivateAgent", "reactivate_agent"]],
] satisfies Array<[Call_Type, readonly [keyof Call, string]]>);

/**
 * POST /api/v1, for operators: of Mesos's calls those that look at the cluster, TEARDOWN, MARK_AGENT_GONE and those of
 * maintenance, draining, reservations, volumes, quota and weights.
 */
export function handleOperator(state: MasterState, agents: AgentDesk, request: Request): Answer {
  const body = readCall(request, CALL);
  if ("refusal" in body) return body.refusal;
  const { call } = body;
  const invalid = invalidCall(call) ?? invalidReservationCall(call);
  if (invalid !== undefined) return textAnswer(400, `Failed to validate master::Call: ${invalid}`);
  const mediaType = acceptedMediaType(request.headers.accept);
  if (!mediaType) return notAcceptable();
  if (call.type === Call_Type.TEARDOWN) return teardown(state, call.teardown?.frameworkId?.value ?? "");
  if (call.type === Call_Type.MARK_AGENT_GONE) return giveUp(state, call);
  // A master has no files to look at.
  if (call.type === Call_Type.LIST_FILES || call.type === Call_Type.READ_FILE) return { status: 404 };
  if (call.type === Call_Type.SET_LOGGING_LEVEL) return setLoggingLevel(state, call);
  const changed =
    maintenanceCall(state, agents, call) ??
    drainingCall(state, call) ??
    reservationCall(state, call) ??
    roleCall(state, call);
  if (changed) return changed;
  const response = look(state, call);
  if (!response) return notImplemented();
  return { status: 200, headers: { "Content-Type": mediaType }, body: encodeMessage(RESPONSE, response, mediaType) };
}

function invalidCall(call: Call): string | undefined {
  if (call.type === undefined) return "Expecting 'type' to be present";
  const part = PARTS.get(call.type);
  return part && call[part[0]] === undefined ? `Expecting '${part[1]}' to be present` : undefined;
}

function giveUp(state: MasterState, call: Call): Answer {
  const agentId = call.markAgentGone?.agentId?.value ?? "";
  return markGone(state, agentId) ? { status: 200 } : textAnswer(404, `Agent '${agentId}' not found`);
}

function setLoggingLevel(state: MasterState, { setLoggingLevel: wanted }: Call): Answer {
  state.logging.set(wanted?.level ?? 0, Number(wanted?.duration?.nanoseconds ?? 0n) / 1e6);
  return { status: 200 };
}

function look(state: MasterState, call: Call): Response | undefined {
  switch (call.type) {
    case Call_Type.GET_HEALTH:
      return { type: Response_Type.GET_HEALTH, getHealth: { healthy: true } };
    case Call_Type.GET_VERSION:
      return { type: Response_Type.GET_VERSION, getVersion: { versionInfo: versionInfo() } };
    case Call_Type.GET_FLAGS: {
      const flags = Object.entries(state.flags.all()).map(([name, value]) => ({ name, value }));
      return { type: Response_Type.GET_FLAGS, getFlags: { flags } };
    }
    case Call_Type.GET_METRICS: {
      const all = Object.entries(metrics(state)).map(([name, value]) => ({ name, value }));
      return { type: Response_Type.GET_METRICS, getMetrics: { metrics: all } };
    }
    case Call_Type.GET_MASTER: {
      const time = state.startTime / 1000;
      return {
        type: Response_Type.GET_MASTER,
        getMaster: { masterInfo: state.info, startTime: time, electedTime: time },
      };
    }
    case Call_Type.GET_AGENTS:
      return { type: Response_Type.GET_AGENTS, getAgents: describeAgents(state) };
    case Call_Type.GET_FRAMEWORKS:
      return { type: Response_Type.GET_FRAMEWORKS, getFrameworks: describeFrameworks(state) };
    case Call_Type.GET_EXECUTORS:
      return { type: Response_Type.GET_EXECUTORS, getExecutors: describeExecutors(state) };
    case Call_Type.GET_OPERATIONS:
      return { type: Response_Type.GET_OPERATIONS, getOperations: describeOperations(state) };
    case Call_Type.GET_TASKS:
      return { type: Response_Type.GET_TASKS, getTasks: describeTasks(state) };
    case Call_Type.GET_LOGGING_LEVEL:
      return { type: Response_Type.GET_LOGGING_LEVEL, getLoggingLevel: { level: state.logging.level } };
    case Call_Type.GET_WEIGHTS:
      return { type: Response_Type.GET_WEIGHTS, getWeights: state.weights.describe() };
    case Call_Type.GET_QUOTA:
      return { type: Response_Type.GET_QUOTA, getQuota: { status: state.quotas.status() } };
    case Call_Type.GET_ROLES:
      return { type: Response_Type.GET_ROLES, getRoles: describeRoles(state) };
    case Call_Type.GET_MAINTENANCE_SCHEDULE:
      return {
        type: Response_Type.GET_MAINTENANCE_SCHEDULE,
        getMaintenanceSchedule: { schedule: state.maintenance.schedule },
      };
    case Call_Type.GET_MAINTENANCE_STATUS:
      return {
        type: Response_Type.GET_MAINTENANCE_STATUS,
        getMaintenanceStatus: { status: maintenanceStatus(state) },
      };
    case Call_Type.GET_STATE:
      return { type: Response_Type.GET_STATE, getState: everything(state) };
    default:
      return undefined;
  }
}

function everything(state: MasterState): NonNullable<Response["getState"]> {
  return {
    getTasks: describeTasks(state),
    getExecutors: describeExecutors(state),
    getFrameworks: describeFrameworks(state),
    getAgents: describeAgents(state),
  };
}

function versionInfo() {
  return {
    version: VERSION.version,
    buildDate: VERSION.build_date,
    buildTime: VERSION.build_time,
    buildUser: VERSION.build_user,
    gitSha: VERSION.git_sha,
    gitTag: VERSION.git_tag,
  };
}
