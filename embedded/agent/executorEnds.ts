import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import { shutdownGraceMs } from "./environment.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { WaitStatus } from "./processGroup.js";
import { type AgentState, noteLaunched } from "./state.js";
import type { TaskUpdates } from "./taskUpdates.js";

/** Ends executors, and sees to what follows when they have ended. */
export class ExecutorEnds {
  readonly #state: AgentState;
  readonly #updates: TaskUpdates;
  #onIdle: () => void = () => {};

  constructor(state: AgentState, updates: TaskUpdates) {
    this.#state = state;
    this.#updates = updates;
  }

  /** SHUTDOWN, and the end by force after the grace period. */
  shutdown(executor: Executor): void {
    if (executor.state === "terminating" || executor.state === "terminated") return;
    executor.state = "terminating";
    executor.cancelRegistration();
    executor.channel?.send({ type: Event_Type.SHUTDOWN });
    const graceMs = shutdownGraceMs(this.#state.flags, executor.info);
    executor.cancelShutdown = this.#state.clock.setTimeout(() => this.destroy(executor), graceMs);
  }

  shutdownFramework(frameworkId: string): void {
    const framework = this.#state.frameworks.get(frameworkId);
    if (!framework) return;
    framework.terminating = true;
    this.#state.updates.removeFramework(frameworkId);
    for (const executor of framework.executors.values()) {
      executor.queue = [];
      this.shutdown(executor);
      this.forgetIfDone(framework, executor);
    }
    this.forgetIfIdle(framework);
  }

  /** SHUTDOWN for all executors; resolves when they have ended, by force after their grace periods. */
  shutdownAll(): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    for (const frameworkId of [...this.#state.frameworks.keys()]) this.shutdownFramework(frameworkId);
    if (this.#state.frameworks.size === 0) this.#onIdle();
    return idle;
  }

  /** Ends an executor by force. What its tasks are told comes with the end of its process. */
  destroy(executor: Executor): void {
    executor.fetching.abort(new Error("the executor was destroyed"));
    if (executor.container) executor.container.kill();
  }

  /** The executor's process ended: its tasks end with it. */
  ended(framework: AgentFramework, executor: Executor, status: WaitStatus): void {
    if (executor.state === "terminated") return;
    executor.state = "terminated";
    executor.cancelRegistration();
    executor.cancelShutdown();
    this.#state.log(`executor ${executor.id} of framework ${framework.id} ended with wait status ${status}`);
    if (!executor.isCommand) {
      this.#state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executor.id, status));
    }
    const {
      state = TaskState.TASK_FAILED,
      reason,
      message,
    } = executor.termination ?? {
      reason: Reason.REASON_EXECUTOR_TERMINATED,
      message: "Executor terminated",
    };
    for (const launch of executor.queue.splice(0)) {
      for (const info of launch.tasks) noteLaunched(this.#state, executor, info);
    }
    for (const taskId of [...executor.launched.keys()]) {
      this.#updates.fromAgent(framework, executor, { taskId, state, reason, message });
    }
    this.forgetIfDone(framework, executor);
  }

  /** An ended executor is forgotten when nobody waits for an acknowledgement of its tasks. */
  forgetIfDone(framework: AgentFramework, executor: Executor): void {
    if (executor.state !== "terminated") return;
    if (!framework.terminating && (executor.launched.size > 0 || executor.ended.size > 0)) return;
    executor.channel?.close();
    framework.complete(executor);
    this.#state.saveExecutor(framework, executor);
    this.forgetIfIdle(framework);
  }

  /** A framework without executors is forgotten. */
  forgetIfIdle(framework: AgentFramework): void {
    if (framework.executors.size === 0) this.#state.completeFramework(framework);
    if (this.#state.frameworks.size === 0) this.#onIdle();
  }
}
