import type { Log } from "../log.js";
import { idMessage } from "../mesos/messages/calls.js";
import type { AskedTask, Reconciler } from "./reconciler.js";
import type { SessionState } from "./sessionState.js";

/** Says that more updates without a token wait for a client than are kept. */
export function warnOfDropped({ record }: SessionState, log: Log): void {
  const text = "more updates without a token wait for a client than are kept: Mesos is asked again when one attaches";
  log.warn({ framework: record.frameworkName }, text);
}

/** Has Mesos asked for what updates said that were dropped before a client had read them: no snapshot holds them. */
export function askForDropped(state: SessionState, reconciler: Reconciler, log: Log): void {
  const { tasks, operations } = state.withoutToken.dropped;
  if (tasks + operations === 0) return;
  const text = "updates without a token were dropped before a client had read them: asking Mesos again";
  log.warn({ framework: state.record.frameworkName, tasks, operations }, text);
  reconciler.askAgain(tasks > 0 ? untoldTasks(state) : [], operations > 0);
  state.withoutToken.forgetDropped();
}

/**
 * Tasks of which clients may lack the last word: those that have not ended, and those that have, although the store still
 * has them, which it has until a client was told, and no update waits for a client.
 */
function* untoldTasks({
  record,
  store,
  tasks,
  unacknowledged,
  withoutToken,
}: SessionState): IterableIterator<AskedTask> {
  yield* tasks.active();
  const unacknowledgedTasks = new Set<string>();
  for (const { taskId } of unacknowledged.values()) unacknowledgedTasks.add(taskId);
  for (const { taskId, agentId } of store.tasks(record.frameworkName)) {
    if (tasks.has(taskId) || unacknowledgedTasks.has(taskId) || withoutToken.hasTask(taskId)) continue;
    const agentIdBytes = agentId === "" ? new Uint8Array(0) : idMessage(agentId);
    yield { taskId, taskIdBytes: idMessage(taskId), agentIdBytes };
  }
}
