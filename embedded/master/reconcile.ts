import {
  OperationState,
  type OperationStatus,
  OperationStatus as OperationStatusFns,
  TaskStatus_Reason as Reason,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import type {
  Call_Reconcile_Task,
  Call_ReconcileOperations_Operation,
} from "../../gen/mesos/v1/scheduler/scheduler.js";
import { masterStatus } from "../status.js";
import type { Framework, TaskEntry } from "./entities.js";
import { events } from "./events.js";
import type { MasterState } from "./state.js";
import { lostState } from "./tasks.js";

/** RECONCILE: the named tasks, or all that the master holds when none is named. */
export function reconcileTasks(state: MasterState, framework: Framework, tasks: readonly Call_Reconcile_Task[]): void {
  if (tasks.length === 0) {
    for (const task of [...framework.tasks.values()]) sendLatest(state, framework, task);
  }
  for (const { taskId, agentId } of tasks) reconcileTask(state, framework, taskId?.value ?? "", agentId?.value);
}

/** Reports what the master knows of one task. It is silent while the task's agent may still come back with it. */
export function reconcileTask(
  state: MasterState,
  framework: Framework,
  taskId: string,
  agentId: string | undefined,
): void {
  const task = framework.tasks.get(taskId);
  if (task) return sendLatest(state, framework, task);
  const answer = (exact: TaskState, message: string, unreachableAtMs?: number) => {
    const status = masterStatus(state.clock.now(), {
      taskId,
      state: lostState(framework, exact),
      agentId,
      reason: Reason.REASON_RECONCILIATION,
      message: `Reconciliation: ${message}`,
    });
    if (unreachableAtMs !== undefined && exact === TaskState.TASK_UNREACHABLE) {
      status.unreachableTime = { nanoseconds: BigInt(Math.round(unreachableAtMs)) * 1_000_000n };
    }
    framework.send(events.update(status));
  };
  if (agentId === undefined ? state.recoveredAgents.size > 0 : state.recoveredAgents.has(agentId)) return;
  // As in Mesos, where an unreachable task was counts only when the framework names the agent.
  if (agentId !== undefined && state.agents.has(agentId)) {
    return answer(TaskState.TASK_GONE, "Task is unknown to the agent");
  }
  const unreachableAt = agentId === undefined ? undefined : state.registry.unreachable.get(agentId);
  if (unreachableAt !== undefined) return answer(TaskState.TASK_UNREACHABLE, "Task is unreachable", unreachableAt);
  if (agentId !== undefined && state.registry.gone.has(agentId)) {
    return answer(TaskState.TASK_GONE_BY_OPERATOR, "Task is gone");
  }
  return answer(TaskState.TASK_UNKNOWN, "Task is unknown");
}

function sendLatest(state: MasterState, framework: Framework, task: TaskEntry): void {
  const { lastStatus } = task;
  const status = masterStatus(state.clock.now(), {
    taskId: task.id,
    state: task.info.statusUpdateState ?? task.info.state ?? TaskState.TASK_STAGING,
    agentId: task.agentId,
    executorId: task.info.executorId?.value,
    reason: Reason.REASON_RECONCILIATION,
    message: "Reconciliation: Latest task state",
  });
  status.healthy = lastStatus?.healthy;
  status.checkStatus = lastStatus?.checkStatus;
  status.containerStatus = lastStatus?.containerStatus;
  framework.send(events.update(status));
}

/** RECONCILE_OPERATIONS: the named operations, or all. */
export function reconcileOperations(
  state: MasterState,
  framework: Framework,
  operations: readonly Call_ReconcileOperations_Operation[],
): void {
  const send = (status: OperationStatus) =>
    framework.send(events.operationUpdate(framework, { ...status, uuid: undefined }));
  if (operations.length === 0) {
    for (const { info } of framework.operations.values()) if (info.latestStatus) send(info.latestStatus);
  }
  for (const { operationId, agentId, resourceProviderId } of operations) {
    const known = framework.operations.get(operationId?.value ?? "");
    const latest = known?.info.latestStatus;
    if (latest) send(latest);
    else {
      const unknown = unknownOperation(state, agentId?.value);
      // The agent answers for its provider's operations; the master says nothing.
      const asked = resourceProviderId !== undefined && state.agents.has(agentId?.value ?? "");
      const message = asked ? undefined : `Reconciliation: ${unknown.message}`;
      send(OperationStatusFns.create({ ...unknown, operationId, message, agentId, resourceProviderId }));
    }
  }
}

function unknownOperation(state: MasterState, agentId: string | undefined): { state: OperationState; message: string } {
  if (agentId === undefined) {
    const message = "Operation is unknown and no 'agent_id' was provided";
    return { state: OperationState.OPERATION_UNKNOWN, message };
  }
  if (state.recoveredAgents.has(agentId)) {
    return { state: OperationState.OPERATION_RECOVERING, message: "Agent is recovered but has not re-registered" };
  }
  if (state.agents.has(agentId)) return { state: OperationState.OPERATION_UNKNOWN, message: "Operation is unknown" };
  if (state.registry.unreachable.has(agentId)) {
    return { state: OperationState.OPERATION_UNREACHABLE, message: "Agent is unreachable" };
  }
  if (state.registry.gone.has(agentId)) {
    return { state: OperationState.OPERATION_GONE_BY_OPERATOR, message: "Agent marked gone by operator" };
  }
  return { state: OperationState.OPERATION_UNKNOWN, message: "Both operation and agent are unknown" };
}
