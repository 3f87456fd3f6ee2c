import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import type { AgentFramework, Executor, QueuedLaunch } from "./executor.js";
import { type AgentState, noteLaunched } from "./state.js";
import { linkVolumes } from "./volumes.js";

/** Hands tasks to an executor that is subscribed. */
export function deliver(state: AgentState, framework: AgentFramework, executor: Executor, launch: QueuedLaunch): void {
  // A volume may be new to an executor that runs already.
  const resources = launch.tasks.flatMap((task) => task.resources);
  linkVolumes(state.workDir, resources, executor.sandbox);
  for (const info of launch.tasks) noteLaunched(state, executor, info);
  state.saveExecutor(framework, executor);
  if (launch.group) {
    executor.channel?.send({ type: Event_Type.LAUNCH_GROUP, launchGroup: { taskGroup: { tasks: launch.tasks } } });
  } else {
    for (const task of launch.tasks) executor.channel?.send({ type: Event_Type.LAUNCH, launch: { task } });
  }
}
