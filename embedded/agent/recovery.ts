import { Resources } from "../resources/resources.js";
import { AdoptedProcess } from "./adoptedProcess.js";
import { Checkpoints, type ExecutorMemory } from "./checkpoints.js";
import { AgentFramework, Executor } from "./executor.js";
import { executorEnded } from "./executorEnds.js";
import type { OperationUpdates } from "./operationUpdates.js";
import { UNKNOWN_STATUS } from "./processGroup.js";
import { killTree, processStart } from "./processTree.js";
import { type AgentState, taskRecord } from "./state.js";

/**
 * Takes up what an earlier run of the agent kept: its id, its resources, and executors of frameworks with checkpoints.
 * Those of others are ended, as Mesos's agent ends them.
 */
export function remember(state: AgentState, operations: OperationUpdates): void {
  const agent = state.checkpoints?.agent();
  if (!state.checkpoints || !agent) return;
  state.id = agent.id;
  state.port = agent.port;
  if (agent.id !== undefined) state.total = Resources.of(agent.total);
  if (agent.drainConfig) state.drain = { config: agent.drainConfig, startTime: undefined };
  for (const [uuid, operation] of agent.operations) operations.restore(uuid, operation);
  for (const memory of state.checkpoints.executors()) {
    // One that was given up has no executors: they were about to end with it.
    if (agent.id !== undefined && (memory.framework.checkpoint ?? false)) restore(state, memory);
    else discard(state, memory);
  }
}

function restore(state: AgentState, memory: ExecutorMemory): void {
  const framework = state.frameworks.get(memory.framework.id?.value ?? "") ?? new AgentFramework(memory.framework);
  state.frameworks.set(framework.id, framework);
  const { info, containerId, sandbox, isCommand } = memory;
  const executor = new Executor(framework.id, info, containerId, sandbox, isCommand);
  // Also one that had not subscribed yet: it is awaited as those that had.
  executor.state = "running";
  executor.process = memory.process ?? { pid: 0, start: "" };
  executor.everReported = memory.everReported;
  for (const { info: task, record } of memory.launched) {
    // One that waited for the executor has no record yet.
    const known = record.agentId ? record : taskRecord(state.id ?? "", task, executor);
    executor.launched.set(task.taskId?.value ?? "", { info: task, record: known });
  }
  for (const task of memory.ended) executor.ended.set(task.info.taskId?.value ?? "", task);
  framework.executors.set(executor.id, executor);
  state.updates.restore(framework.id, executor.id, memory.streams);
  // Its process may be gone by now.
  const { pid, start } = executor.process;
  executor.container = new AdoptedProcess(pid, start, state.clock, () =>
    executorEnded(state, framework, executor, UNKNOWN_STATUS),
  );
}

/** Ends what runs on of an earlier run with this work directory, which is about to go. */
export function endExecutors(workDir: string): void {
  for (const memory of Checkpoints.readable(workDir)) kill(memory);
}

function discard(state: AgentState, memory: ExecutorMemory): void {
  kill(memory);
  const { framework, info } = memory;
  state.checkpoints?.removeExecutor(framework.id?.value ?? "", info.executorId?.value ?? "");
}

function kill({ process }: ExecutorMemory): void {
  if (process && processStart(process.pid) === process.start) killTree(process.pid);
}
