import { TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import { destroyExecutor } from "./executorEnds.js";
import { exactState } from "./lostStates.js";
import type { AgentState } from "./state.js";

/** After a stop of an agent: executors without checkpoints are ended, the others awaited for a moment. */
export class ExecutorRecovery {
  readonly #state: AgentState;
  #cancel: () => void = () => {};

  constructor(state: AgentState) {
    this.#state = state;
  }

  cancel(): void {
    this.#cancel();
  }

  async run(): Promise<void> {
    const waiting: Array<() => boolean> = [];
    for (const framework of this.#state.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        if (!(framework.info.checkpoint ?? false)) {
          framework.terminating = true;
          destroyExecutor(executor);
        } else if (!executor.isBuiltIn && executor.state === "running") {
          executor.channel = undefined;
          waiting.push(() => executor.channel === undefined && executor.state === "running");
        }
      }
    }
    if (waiting.length === 0) return;
    this.#state.recovering = true;
    await this.#awaitExecutors(waiting);
    this.#state.recovering = false;
    for (const framework of this.#state.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        if (executor.isBuiltIn || executor.channel || executor.state !== "running") continue;
        executor.termination = {
          state: exactState(framework.info, TaskState.TASK_GONE),
          reason: Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
          message: `Executor did not reregister within ${this.#state.flags.text("executor_reregistration_timeout")}`,
        };
        destroyExecutor(executor);
      }
    }
  }

  #awaitExecutors(waiting: ReadonlyArray<() => boolean>): Promise<void> {
    const deadline = this.#state.clock.now() + this.#state.flags.duration("executor_reregistration_timeout");
    return new Promise((resolve) => {
      const look = () => {
        if (this.#state.clock.now() >= deadline || !waiting.some((missing) => missing())) resolve();
        else this.#cancel = this.#state.clock.setTimeout(look, 50);
      };
      look();
    });
  }
}
