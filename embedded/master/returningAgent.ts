import { TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import type { AgentRegistration } from "../link.js";
import { masterStatus } from "../status.js";
import { type Agent, Framework } from "./entities.js";
import { events } from "./events.js";
import { getOrCreate } from "./filters.js";
import { addOperation } from "./operations.js";
import type { MasterState } from "./state.js";
import { addTask, taskEntry } from "./tasks.js";

/** Tasks and executors that a returning agent brings along. @returns the frameworks that are removed. */
export function takeOver(state: MasterState, agent: Agent, registration: AgentRegistration): Set<string> {
  const removed = new Set<string>();
  // Also of what it does not bring along: it never got that, and the ids may be used again.
  for (const { unreachableTasks } of state.frameworks.values()) {
    for (const [id, { agentId }] of unreachableTasks) if (agentId === agent.id) unreachableTasks.delete(id);
  }
  for (const info of registration.tasks) {
    const task = taskEntry(info);
    const framework = state.frameworks.get(task.frameworkId);
    if (state.completedFrameworks.has(task.frameworkId)) removed.add(task.frameworkId);
    addTask(framework, agent, task);
  }
  for (const { frameworkId, info } of registration.executors) {
    if (state.completedFrameworks.has(frameworkId)) removed.add(frameworkId);
    getOrCreate(agent.executors, frameworkId, () => new Map()).set(info.executorId?.value ?? "", info);
  }
  for (const info of registration.operations) {
    const frameworkId = info.frameworkId?.value ?? "";
    const uuid = info.uuid?.value?.toString("hex") ?? "";
    const entry = { info, uuid, id: info.info?.id?.value, frameworkId, agentId: agent.id };
    addOperation(state.frameworks.get(frameworkId), agent, entry);
  }
  return removed;
}

/** A framework that only its agents know so far: it has not subscribed at this master. */
export function recoverFramework(state: MasterState, info: NonNullable<AgentRegistration["frameworks"][number]>): void {
  const id = info.id?.value ?? "";
  if (state.frameworks.has(id) || state.completedFrameworks.has(id)) return;
  const framework = new Framework(id, info);
  framework.recovered = true;
  state.frameworks.set(id, framework);
  state.allocator.addFramework(id, info, [], false);
}

/** Tells frameworks of the tasks that a returning agent brought along. */
export function announceTasks(state: MasterState, agent: Agent, message: string | undefined): void {
  if (message === undefined) return;
  for (const [frameworkId, tasks] of agent.tasks) {
    const framework = state.frameworks.get(frameworkId);
    for (const task of tasks.values()) {
      const fields = {
        taskId: task.id,
        state: task.info.state ?? TaskState.TASK_STAGING,
        agentId: agent.id,
        executorId: task.info.executorId?.value,
        reason: Reason.REASON_AGENT_REREGISTERED,
        message,
      };
      framework?.send(events.update(masterStatus(state.clock.now(), fields)));
    }
  }
}
