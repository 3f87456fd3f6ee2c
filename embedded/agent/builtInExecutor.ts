import { UpdateLedger } from "../../executor/library/updateLedger.js";
import type { Event } from "../../gen/mesos/v1/executor/executor.js";
import { FrameworkInfo_Capability_Type as Capability } from "../../gen/mesos/v1/mesos.js";
import { shutdownGraceMs } from "./environment.js";
import type { AgentFramework, Container, Executor, ExecutorChannel } from "./executor.js";
import type { WaitStatus } from "./processGroup.js";
import type { AgentState } from "./state.js";
import { TaskRunner } from "./taskRunner.js";
import { updateFromExecutor } from "./taskUpdates.js";

export interface BuiltInExecutorOptions {
  readonly state: AgentState;
  readonly framework: AgentFramework;
  readonly executor: Executor;
  readonly env: Readonly<Record<string, string>>;
  onEnd(status: WaitStatus): void;
}

/**
 * The executor of a command task or of task groups, inside the agent: tasks are real processes, the executor itself is
 * not one.
 */
export class BuiltInExecutor implements ExecutorChannel, Container {
  readonly #options: BuiltInExecutorOptions;
  readonly #runner: TaskRunner;
  readonly #ledger = new UpdateLedger();
  #gone = false;

  constructor(options: BuiltInExecutorOptions) {
    const { state, framework, executor, env } = options;
    this.#options = options;
    this.#runner = new TaskRunner({
      clock: state.clock,
      sandbox: executor.sandbox,
      env,
      shutdownGraceMs: shutdownGraceMs(state.flags, executor.info),
      tellsKilling: () => framework.info.capabilities.some(({ type }) => type === Capability.TASK_KILLING_STATE),
      isSettled: () => this.#ledger.size === 0 || framework.terminating,
      update: (status) => {
        this.#ledger.addUpdate(status);
        updateFromExecutor(state, framework, executor, status);
      },
      onEnd: () => this.#end(0),
    });
  }

  get pid(): number | undefined {
    return this.#runner.pid;
  }

  kill(): void {
    this.#end(9);
  }

  close(): void {}

  send(event: Event): void {
    // Never within the call that sends it: an executor in a process of its own answers later too.
    queueMicrotask(() => {
      this.#ledger.note(event);
      this.#runner.handle(event);
    });
  }

  #end(status: WaitStatus): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#runner.abandon();
    this.#options.onEnd(status);
  }
}
