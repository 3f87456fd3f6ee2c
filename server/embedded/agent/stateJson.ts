import { type Answer, jsonAnswer } from "../http/answer.js";
import { modelAttributes, modelTask } from "../modelJson.js";
import { modelReserved, modelResources, sum, unreserved } from "../resources/modelJson.js";
import { Resources } from "../resources/resources.js";
import { AGENT_CAPABILITIES, VERSION } from "../version.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** GET /state of an agent. */
export function agentStateJson(state: AgentState): Answer {
  const executors = [...state.frameworks.values()].flatMap((framework) => [...framework.executors.values()]);
  const used = sum(executors.map((executor) => executor.resources)).allocatedTo(undefined);
  return jsonAnswer(
    JSON.stringify({
      ...VERSION,
      id: state.id ?? "",
      pid: state.pid,
      hostname: state.info.hostname,
      capabilities: AGENT_CAPABILITIES,
      resources: modelResources(state.total),
      reserved_resources: modelReserved(state.total),
      unreserved_resources: modelResources(unreserved(state.total)),
      unreserved_resources_allocated: modelResources(unreserved(used)),
      attributes: modelAttributes(state.info.attributes),
      flags: { ...state.flags.all(), work_dir: state.workDir },
      frameworks: [...state.frameworks.values()].map(modelFramework),
      completed_frameworks: [],
    }),
  );
}

function modelFramework({ id, info, executors }: AgentFramework): Record<string, unknown> {
  return {
    id,
    name: info.name,
    user: info.user,
    failover_timeout: info.failoverTimeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    hostname: info.hostname ?? "",
    ...(info.roles.length > 0 ? { roles: info.roles } : { role: info.role ?? "*" }),
    executors: [...executors.values()].map(modelExecutor),
    completed_executors: [],
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
    tasks: [...executor.launched.values(), ...executor.ended.values()].map(({ record }) => modelTask(record)),
    queued_tasks: executor.queue.flatMap(({ tasks }) =>
      tasks.map((task) => ({
        id: task.taskId?.value,
        name: task.name,
        slave_id: task.agentId?.value,
        resources: modelResources(Resources.of(task.resources)),
        executor_id: executor.id,
      })),
    ),
    completed_tasks: [],
  };
}
