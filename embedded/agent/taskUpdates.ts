import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { NetworkInfo_Protocol, TaskStatus_Source as Source, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import type { StatusFields } from "../status.js";
import { isTerminal } from "../taskStates.js";
import { duringDrain } from "./drain.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** Updates of tasks that executors have, from the executors and of the agent's own making. */

/** UPDATE: kept until the scheduler acknowledges it; the executor gets ACKNOWLEDGED once it is. */
export function updateFromExecutor(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  sent: TaskStatus,
  give: (receipt: () => void) => void = (receipt) => receipt(),
): void {
  // Nobody is to hear of it, as in Mesos not even the executor that it came.
  if (framework.terminating) return;
  const agentId = sent.agentId?.value;
  if (agentId !== undefined && agentId !== state.id) {
    return state.log(`executor ${executor.id} sent an update for agent ${agentId}: it is ignored`);
  }
  const taskId = sent.taskId?.value ?? "";
  const acknowledged = () =>
    executor.channel?.send({
      type: Event_Type.ACKNOWLEDGED,
      acknowledged: { taskId: { value: taskId }, uuid: sent.uuid },
    });
  if (executor.ended.has(taskId)) return give(acknowledged);
  const task = executor.launched.get(taskId);
  const status = duringDrain(state.drain, framework.info, complete(state, executor, sent, task !== undefined));
  if (!task) {
    // Nobody here launched it. The scheduler may know more; the executor gets no receipt.
    state.updates.add(framework.id, executor.id, status);
    return;
  }
  executor.everReported = true;
  record(state, framework, executor, status);
  give(acknowledged);
}

/** An update of the agent's own making for one of the executor's tasks. */
export function updateFromAgent(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  fields: Omit<StatusFields, "agentId" | "uuid">,
): void {
  if (framework.terminating) {
    executor.launched.delete(fields.taskId);
    return;
  }
  const status = state.ownStatus({ executorId: executor.id, ...fields });
  record(state, framework, executor, duringDrain(state.drain, framework.info, status));
}

function record(state: AgentState, framework: AgentFramework, executor: Executor, status: TaskStatus): void {
  const taskId = status.taskId?.value ?? "";
  const task = executor.launched.get(taskId);
  if (task && status.state !== undefined) {
    task.record.state = status.state;
    const { statuses } = task.record;
    const earlier = statuses.at(-1)?.state === status.state ? statuses.slice(0, -1) : statuses;
    task.record.statuses = [...earlier, { ...status, data: undefined }];
    if (isTerminal(status.state)) {
      executor.launched.delete(taskId);
      executor.ended.set(taskId, task);
    }
  }
  state.updates.add(framework.id, executor.id, status);
  state.saveExecutor(framework, executor);
}

/** What the agent knows better than the executor, or adds. */
function complete(state: AgentState, executor: Executor, sent: TaskStatus, launched: boolean): TaskStatus {
  const status: TaskStatus = {
    ...sent,
    agentId: { value: state.id ?? "" },
    source: Source.SOURCE_EXECUTOR,
    timestamp: sent.timestamp ?? state.clock.now() / 1000,
  };
  if (!launched) return status;
  const own = sent.containerStatus;
  const networks = own?.networkInfos ?? [];
  status.containerStatus = {
    ...own,
    containerId: own?.containerId ?? { value: executor.containerId },
    executorPid: executor.container?.pid,
    networkInfos:
      networks.length > 0
        ? networks
        : [
            {
              ipAddresses: [{ protocol: NetworkInfo_Protocol.IPv4, ipAddress: "127.0.0.1" }],
              groups: [],
              portMappings: [],
            },
          ],
  };
  return status;
}
