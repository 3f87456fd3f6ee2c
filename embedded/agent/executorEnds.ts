import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import { shutdownGraceMs } from "./environment.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { WaitStatus } from "./processGroup.js";
import { type AgentState, noteLaunched } from "./state.js";
import { updateFromAgent } from "./taskUpdates.js";

/** How executors end, and what follows when they have ended. */

/** SHUTDOWN, and the end by force after the grace period. */
export function shutdownExecutor(state: AgentState, executor: Executor): void {
  if (executor.state === "terminating" || executor.state === "terminated") return;
  executor.state = "terminating";
  executor.cancelRegistration();
  executor.channel?.send({ type: Event_Type.SHUTDOWN });
  const graceMs = shutdownGraceMs(state.flags, executor.info);
  executor.cancelShutdown = state.clock.setTimeout(() => destroyExecutor(executor), graceMs);
}

export function shutdownFramework(state: AgentState, frameworkId: string): void {
  const framework = state.frameworks.get(frameworkId);
  if (!framework) return;
  framework.terminating = true;
  state.updates.removeFramework(frameworkId);
  for (const executor of framework.executors.values()) {
    executor.queue = [];
    shutdownExecutor(state, executor);
    forgetIfDone(state, framework, executor);
  }
  forgetIfIdle(state, framework);
}

/** SHUTDOWN for all executors; resolves when they have ended, by force after their grace periods. */
export function shutdownAll(state: AgentState): Promise<void> {
  const idle = new Promise<void>((resolve) => {
    state.onIdle = resolve;
  });
  for (const frameworkId of [...state.frameworks.keys()]) shutdownFramework(state, frameworkId);
  if (state.frameworks.size === 0) state.onIdle();
  return idle;
}

/** Ends an executor by force. What its tasks are told comes with the end of its process. */
export function destroyExecutor(executor: Executor): void {
  executor.fetching.abort(new Error("the executor was destroyed"));
  if (executor.container) executor.container.kill();
}

/** The executor's process ended: its tasks end with it. */
export function executorEnded(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  status: WaitStatus,
): void {
  if (executor.state === "terminated") return;
  executor.state = "terminated";
  executor.cancelRegistration();
  executor.cancelShutdown();
  state.log(`executor ${executor.id} of framework ${framework.id} ended with wait status ${status}`);
  if (!executor.isCommand) {
    state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executor.id, status));
  }
  const why = executor.termination ?? {
    reason: Reason.REASON_EXECUTOR_TERMINATED,
    message: "Executor terminated",
  };
  for (const launch of executor.queue.splice(0)) {
    for (const info of launch.tasks) noteLaunched(state, executor, info);
  }
  for (const taskId of [...executor.launched.keys()]) {
    updateFromAgent(state, framework, executor, { taskId, state: TaskState.TASK_FAILED, ...why });
  }
  forgetIfDone(state, framework, executor);
}

/** An ended executor is forgotten when nobody waits for an acknowledgement of its tasks. */
export function forgetIfDone(state: AgentState, framework: AgentFramework, executor: Executor): void {
  if (executor.state !== "terminated") return;
  if (!framework.terminating && (executor.launched.size > 0 || executor.ended.size > 0)) return;
  executor.channel?.close();
  framework.complete(executor);
  state.saveExecutor(framework, executor);
  forgetIfIdle(state, framework);
}

/** A framework without executors is forgotten. */
export function forgetIfIdle(state: AgentState, framework: AgentFramework): void {
  if (framework.executors.size === 0) state.completeFramework(framework);
}
