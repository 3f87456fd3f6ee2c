import { ExecutorInfo_Type } from "../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import {
  modelAttributes,
  modelDiscovery,
  modelFull,
  modelLabels,
  modelMessage,
  modelReservedFull,
  modelTask,
} from "../modelJson.js";
import { modelReserved, modelResources, sum, unreserved } from "../resources/modelJson.js";
import { Resources } from "../resources/resources.js";
import { AGENT_CAPABILITIES, VERSION } from "../version.js";
import type { Drain } from "./drain.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** GET /state of an agent. */
export function agentStateJson(state: AgentState): Answer {
  const executors = [...state.frameworks.values()].flatMap((framework) => [...framework.executors.values()]);
  const used = sum(executors.map((executor) => executor.resources)).allocatedTo(undefined);
  return jsonAnswer(
    JSON.stringify({
      ...VERSION,
      start_time: state.startTime / 1000,
      id: state.id ?? "",
      pid: state.pid,
      hostname: state.info.hostname,
      ...(state.registered ? { master_hostname: state.flags.text("hostname") } : {}),
      capabilities: AGENT_CAPABILITIES,
      ...modelDrain(state.drain),
      resources: modelResources(state.total),
      reserved_resources: modelReserved(state.total),
      unreserved_resources: modelResources(unreserved(state.total)),
      reserved_resources_full: modelReservedFull(state.total),
      unreserved_resources_full: modelFull(unreserved(state.total)),
      reserved_resources_allocated: modelReserved(used),
      unreserved_resources_allocated: modelResources(unreserved(used)),
      resource_providers: [],
      attributes: modelAttributes(state.info.attributes),
      flags: agentFlags(state),
      frameworks: [...state.frameworks.values()].map(modelFramework),
      completed_frameworks: state.completedFrameworks.map(modelFramework),
    }),
  );
}

function modelDrain(drain: Drain | undefined): Record<string, unknown> {
  if (!drain) return {};
  return {
    drain_config: modelMessage("mesos.v1.DrainConfig", drain.config),
    ...(drain.startTime !== undefined && { estimated_drain_start_time_seconds: Math.floor(drain.startTime / 1000) }),
  };
}

/** GET /flags of an agent. */
export function agentFlagsJson(state: AgentState): Answer {
  return jsonAnswer(JSON.stringify({ flags: agentFlags(state) }));
}

function agentFlags(state: AgentState): Record<string, string> {
  return { ...state.flags.all(), work_dir: state.workDir };
}

function modelFramework({ id, info, executors, completed }: AgentFramework): Record<string, unknown> {
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failoverTimeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? "",
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    ...(info.roles.length > 0 ? { roles: info.roles } : { role: info.role ?? "*" }),
    executors: [...executors.values()].map(modelExecutor),
    completed_executors: completed.map(modelExecutor),
  };
}

function modelExecutor(executor: Executor): Record<string, unknown> {
  return {
    id: executor.id,
    name: executor.info.name ?? "",
    source: executor.info.source ?? "",
    container: executor.containerId,
    directory: executor.sandbox,
    resources: modelResources(executor.resources),
    role: executor.info.resources[0]?.allocationInfo?.role ?? "*",
    ...(executor.info.type === undefined ? {} : { type: ExecutorInfo_Type[executor.info.type] }),
    ...modelLabels(executor.info.labels),
    tasks: [...executor.launched.values(), ...executor.ended.values()].map(({ record }) => modelTask(record)),
    queued_tasks: executor.queue.flatMap(({ tasks }) =>
      tasks.map((task) => ({
        id: task.taskId?.value,
        name: task.name,
        slave_id: task.agentId?.value,
        resources: modelResources(Resources.of(task.resources)),
        executor_id: executor.id,
        role: task.resources[0]?.allocationInfo?.role ?? "*",
        ...modelDiscovery(task.discovery),
      })),
    ),
    completed_tasks: executor.completed.map(modelTask),
  };
}
