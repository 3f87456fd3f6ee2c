import { constants } from "node:os";
import { TaskStatus_Reason as Reason } from "../../gen/mesos/v1/mesos.js";
import { formatDuration } from "../duration.js";
import { BuiltInExecutor } from "./builtInExecutor.js";
import { launchFailed, refuseContainer, unresolvedSecret } from "./container.js";
import { executorEnvironment } from "./environment.js";
import type { AgentFramework, Executor } from "./executor.js";
import { destroyExecutor, executorEnded } from "./executorEnds.js";
import { startProcess } from "./executorProcess.js";
import { subscribeExecutor } from "./executorSubscription.js";
import { prepareExecutor } from "./executorUser.js";
import { fetchUris, invalidUris } from "./fetcher.js";
import { UNKNOWN_STATUS, type WaitStatus } from "./processGroup.js";
import { killTree, processStart } from "./processTree.js";
import type { AgentState } from "./state.js";
import { linkVolumes } from "./volumes.js";

/** Starts an executor: its sandbox, what it fetches, and its process. What goes wrong ends it. */
export async function startExecutor(state: AgentState, framework: AgentFramework, executor: Executor): Promise<void> {
  try {
    await prepareExecutor(state, framework, executor);
    executor.termination = refuseContainer(executor.info.container) ?? unresolvedSecret(executor.info.command);
    if (executor.termination) return executorEnded(state, framework, executor, UNKNOWN_STATUS);
    linkVolumes(state.workDir, executor.resources.list(), executor.sandbox);
    const invalid = invalidUris(executor.info.command?.uris ?? []);
    if (invalid !== undefined) throw new Error(`Could not fetch: ${invalid}`);
    await fetchUris(executor.info.command?.uris ?? [], executor.sandbox, {
      signal: executor.fetching.signal,
      stallTimeoutMs: state.flags.duration("fetcher_stall_timeout"),
    }).catch(() => {
      throw new Error(`Failed to fetch all URIs for container '${executor.containerId}': exited with status 1`);
    });
    executor.fetching.signal.throwIfAborted();
    await launch(state, framework, executor);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    executor.termination ??= launchFailed(why);
    // Mesos has a process waiting in the container by then, and kills it.
    executorEnded(state, framework, executor, constants.signals.SIGKILL);
  }
}

async function launch(state: AgentState, framework: AgentFramework, executor: Executor): Promise<void> {
  const onEnd = (status: WaitStatus) => executorEnded(state, framework, executor, status);
  const env = executorEnvironment(state, framework.info, executor);
  // One that is to outlive the agent can't run within it.
  if (executor.isMesosOwn && !state.checkpoints) {
    const builtIn = new BuiltInExecutor({ state, framework, executor, env, onEnd });
    executor.container = builtIn;
    subscribeExecutor(state, framework, executor, builtIn, { unacknowledgedTasks: [], unacknowledgedUpdates: [] });
    return;
  }
  const group = await startProcess(executor, env, onEnd);
  if (!group) return;
  executor.container = { pid: group.pid, kill: () => killTree(group.pid) };
  executor.process = { pid: group.pid, start: processStart(group.pid) ?? "" };
  state.saveExecutor(framework, executor);
  if (executor.fetching.signal.aborted) group.signal("SIGKILL");
  else if (executor.state === "registering") awaitRegistration(state, executor);
}

function awaitRegistration(state: AgentState, executor: Executor): void {
  const timeoutMs = state.flags.duration("executor_registration_timeout");
  executor.cancelRegistration = state.clock.setTimeout(() => {
    executor.termination = {
      reason: Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
      message: `Executor did not register within ${formatDuration(timeoutMs)}`,
    };
    executor.state = "terminating";
    destroyExecutor(executor);
  }, timeoutMs);
}
