import type { Call } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { isTerminal, isTerminalOperation } from "../taskStates.js";
import { endDrainIfEmpty } from "./draining.js";
import type { Framework } from "./entities.js";
import type { MasterState } from "./state.js";
import { removeTask } from "./tasks.js";

/** ACKNOWLEDGE: the agent is told; a task that has ended is over once its end is acknowledged. */
export function acknowledge(state: MasterState, framework: Framework, call: Call): void {
  const { taskId, agentId, uuid = Buffer.alloc(0) } = call.acknowledge ?? {};
  const agent = state.agents.get(agentId?.value ?? "");
  if (!agent?.connected) return;
  const task = agent.task(framework.id, taskId?.value ?? "");
  if (task && isTerminal(task.info.statusUpdateState) && task.info.statusUpdateUuid?.equals(uuid)) {
    removeTask(state, task);
  }
  agent.link.toAgent((inbox) => inbox.acknowledge(framework.id, taskId?.value ?? "", uuid));
  endDrainIfEmpty(state, agent);
}

/** ACKNOWLEDGE_OPERATION_STATUS: the same for operations. */
export function acknowledgeOperation(state: MasterState, framework: Framework, call: Call): void {
  const { agentId, operationId, uuid = Buffer.alloc(0) } = call.acknowledgeOperationStatus ?? {};
  const agent = state.agents.get(agentId?.value ?? "");
  const entry = framework.operations.get(operationId?.value ?? "");
  if (!agent?.connected || !entry) return;
  const { latestStatus } = entry.info;
  if (isTerminalOperation(latestStatus?.state) && latestStatus?.uuid?.value?.equals(uuid)) {
    framework.operations.delete(entry.id ?? "");
    agent.operations.delete(entry.uuid);
  }
  agent.link.toAgent((inbox) => inbox.acknowledgeOperation(entry.uuid, uuid));
  endDrainIfEmpty(state, agent);
}
