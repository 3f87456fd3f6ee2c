import { constants } from "node:os";
import { type FrameworkInfo, TaskStatus_Reason as Reason } from "../../gen/mesos/v1/mesos.js";
import { formatDuration } from "../duration.js";
import { BuiltInExecutor } from "./builtInExecutor.js";
import { launchFailed, refuseContainer, unresolvedSecret } from "./container.js";
import { executorEnvironment } from "./environment.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { ExecutorCalls } from "./executorCalls.js";
import type { ExecutorEnds } from "./executorEnds.js";
import { startExecutor } from "./executorProcess.js";
import { prepareExecutor } from "./executorUser.js";
import { fetchUris, invalidUris } from "./fetcher.js";
import { UNKNOWN_STATUS, type WaitStatus } from "./processGroup.js";
import { killTree, processStart } from "./processTree.js";
import type { AgentState } from "./state.js";
import { linkVolumes } from "./volumes.js";

/** Starts executors: their sandbox, what they fetch, and their process. */
export class ExecutorLauncher {
  readonly #state: AgentState;
  readonly #calls: ExecutorCalls;
  readonly #ends: ExecutorEnds;

  constructor(state: AgentState, calls: ExecutorCalls, ends: ExecutorEnds) {
    this.#state = state;
    this.#calls = calls;
    this.#ends = ends;
  }

  /** What goes wrong ends the executor. */
  async start(framework: AgentFramework, executor: Executor): Promise<void> {
    try {
      await prepareExecutor(this.#state, framework, executor);
      executor.termination = refuseContainer(executor.info.container) ?? unresolvedSecret(executor.info.command);
      if (executor.termination) return this.#ends.ended(framework, executor, UNKNOWN_STATUS);
      linkVolumes(this.#state.workDir, executor.resources.list(), executor.sandbox);
      const invalid = invalidUris(executor.info.command?.uris ?? []);
      if (invalid !== undefined) throw new Error(`Could not fetch: ${invalid}`);
      await fetchUris(executor.info.command?.uris ?? [], executor.sandbox, {
        signal: executor.fetching.signal,
        stallTimeoutMs: this.#state.flags.duration("fetcher_stall_timeout"),
      }).catch(() => {
        throw new Error(`Failed to fetch all URIs for container '${executor.containerId}': exited with status 1`);
      });
      executor.fetching.signal.throwIfAborted();
      await this.#launch(framework, executor);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      executor.termination ??= launchFailed(why);
      // Mesos has a process waiting in the container by then, and kills it.
      this.#ends.ended(framework, executor, constants.signals.SIGKILL);
    }
  }

  async #launch(framework: AgentFramework, executor: Executor): Promise<void> {
    const env = this.#environment(framework.info, executor);
    // One that is to outlive the agent can't run within it.
    if (executor.isMesosOwn && !this.#state.checkpoints) {
      const builtIn = new BuiltInExecutor({
        state: this.#state,
        calls: this.#calls,
        framework,
        executor,
        env,
        onEnd: (status) => this.#ends.ended(framework, executor, status),
      });
      executor.container = builtIn;
      this.#calls.subscribe(framework, executor, builtIn, { unacknowledgedTasks: [], unacknowledgedUpdates: [] });
      return;
    }
    const onEnd = (status: WaitStatus) => this.#ends.ended(framework, executor, status);
    const group = await startExecutor(executor, env, onEnd);
    if (!group) return;
    executor.container = { pid: group.pid, kill: () => killTree(group.pid) };
    executor.process = { pid: group.pid, start: processStart(group.pid) ?? "" };
    this.#state.saveExecutor(framework, executor);
    if (executor.fetching.signal.aborted) group.signal("SIGKILL");
    else if (executor.state === "registering") this.#awaitRegistration(executor);
  }

  #awaitRegistration(executor: Executor): void {
    const timeoutMs = this.#state.flags.duration("executor_registration_timeout");
    executor.cancelRegistration = this.#state.clock.setTimeout(() => {
      executor.termination = {
        reason: Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
        message: `Executor did not register within ${formatDuration(timeoutMs)}`,
      };
      executor.state = "terminating";
      this.#ends.destroy(executor);
    }, timeoutMs);
  }

  #environment(framework: FrameworkInfo, executor: Executor): Record<string, string> {
    return executorEnvironment({
      flags: this.#state.flags,
      framework,
      executor: executor.info,
      sandbox: executor.sandbox,
      agentId: this.#state.id ?? "",
      agentPid: this.#state.pid,
    });
  }
}
