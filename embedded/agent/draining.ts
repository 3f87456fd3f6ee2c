import type { DrainConfig, KillPolicy } from "../../gen/mesos/v1/mesos.js";
import type { AgentState } from "./state.js";
import { killTask } from "./tasks.js";

/** Kills all tasks. From then on nothing is launched, until the last executor and operation is done with. */
export function drain(state: AgentState, config: DrainConfig): void {
  if (state.frameworks.size === 0 && state.operations.size === 0) return;
  state.drain = { config, startTime: state.clock.now() };
  state.save();
  for (const framework of [...state.frameworks.values()]) {
    for (const executor of [...framework.executors.values()]) {
      const launched = [...executor.launched.values()].map(({ info }) => info);
      const queued = executor.queue.flatMap(({ tasks }) => tasks);
      for (const { taskId, killPolicy } of [...launched, ...queued]) {
        killTask(state, framework.id, taskId?.value ?? "", overridden(killPolicy, config));
      }
    }
  }
}

/** The operator's time when it is shorter than the task's own, or when the task has none. */
function overridden(own: KillPolicy | undefined, { maxGracePeriod }: DrainConfig): KillPolicy | undefined {
  if (!maxGracePeriod) return undefined;
  const ownTime = own?.gracePeriod?.nanoseconds;
  const isShorter = ownTime === undefined || (maxGracePeriod.nanoseconds ?? 0n) < ownTime;
  return isShorter ? { gracePeriod: maxGracePeriod } : undefined;
}
