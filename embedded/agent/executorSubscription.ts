import { type Call_Subscribe, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { TaskStatus_Reason as Reason, TaskState } from "../../gen/mesos/v1/mesos.js";
import type { AgentFramework, Executor, ExecutorChannel, QueuedLaunch } from "./executor.js";
import { shutdownExecutor } from "./executorEnds.js";
import { droppedState } from "./lostStates.js";
import { type AgentState, noteLaunched } from "./state.js";
import { updateFromAgent, updateFromExecutor } from "./taskUpdates.js";
import { linkVolumes } from "./volumes.js";

/** SUBSCRIBE. An executor that is to end gets SHUTDOWN; any other what it was told before, and what waits for it. */
export function subscribeExecutor(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  channel: ExecutorChannel,
  subscribe: Call_Subscribe,
): void {
  if (framework.terminating || executor.state === "terminating" || executor.state === "terminated") {
    channel.send({ type: Event_Type.SHUTDOWN });
    channel.close();
    return;
  }
  executor.channel?.close();
  executor.channel = channel;
  executor.cancelRegistration();
  executor.state = "running";
  state.saveExecutor(framework, executor);
  const receipts: Array<() => void> = [];
  for (const { status } of subscribe.unacknowledgedUpdates) {
    if (status) updateFromExecutor(state, framework, executor, status, (receipt) => receipts.push(receipt));
  }
  dropUnknown(state, framework, executor, subscribe);
  if (executor.useless) return shutdownExecutor(state, executor);
  channel.send({
    type: Event_Type.SUBSCRIBED,
    subscribed: {
      executorInfo: executor.info,
      frameworkInfo: framework.info,
      agentInfo: state.described,
      containerId: { value: executor.containerId },
    },
  });
  for (const receipt of receipts) receipt();
  for (const launch of executor.queue.splice(0)) deliver(state, framework, executor, launch);
}

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

/** Tasks that were sent to the executor and that it doesn't know: they were lost with its connection. */
function dropUnknown(
  state: AgentState,
  framework: AgentFramework,
  executor: Executor,
  subscribe: Call_Subscribe,
): void {
  const known = new Set(subscribe.unacknowledgedTasks.map(({ taskId }) => taskId?.value));
  for (const [taskId, task] of [...executor.launched]) {
    if (task.record.state !== TaskState.TASK_STAGING || known.has(taskId)) continue;
    updateFromAgent(state, framework, executor, {
      taskId,
      state: droppedState(framework.info),
      reason: Reason.REASON_AGENT_RESTARTED,
      message: "Task launched during agent restart",
    });
  }
}
