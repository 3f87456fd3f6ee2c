import { type Call_Subscribe, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { TaskStatus_Reason as Reason, TaskState, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { deliver } from "./delivery.js";
import type { AgentFramework, Executor, ExecutorChannel } from "./executor.js";
import type { ExecutorEnds } from "./executorEnds.js";
import { droppedState } from "./lostStates.js";
import type { AgentState } from "./state.js";
import type { TaskUpdates } from "./taskUpdates.js";

/** What executors ask of their agent. */
export class ExecutorCalls {
  readonly #state: AgentState;
  readonly #updates: TaskUpdates;
  readonly #ends: ExecutorEnds;

  constructor(state: AgentState, updates: TaskUpdates, ends: ExecutorEnds) {
    this.#state = state;
    this.#updates = updates;
    this.#ends = ends;
  }

  /** SUBSCRIBE. An executor that is to end gets SHUTDOWN; any other what it was told before, and what waits for it. */
  subscribe(framework: AgentFramework, executor: Executor, channel: ExecutorChannel, subscribe: Call_Subscribe): void {
    if (framework.terminating || executor.state === "terminating" || executor.state === "terminated") {
      channel.send({ type: Event_Type.SHUTDOWN });
      channel.close();
      return;
    }
    executor.channel?.close();
    executor.channel = channel;
    executor.cancelRegistration();
    executor.state = "running";
    this.#state.saveExecutor(framework, executor);
    const receipts: Array<() => void> = [];
    for (const { status } of subscribe.unacknowledgedUpdates) {
      if (status) this.#updates.fromExecutor(framework, executor, status, (receipt) => receipts.push(receipt));
    }
    this.#dropUnknown(framework, executor, subscribe);
    if (executor.useless) return this.#ends.shutdown(executor);
    channel.send({
      type: Event_Type.SUBSCRIBED,
      subscribed: {
        executorInfo: executor.info,
        frameworkInfo: framework.info,
        agentInfo: this.#state.described,
        containerId: { value: executor.containerId },
      },
    });
    for (const receipt of receipts) receipt();
    for (const launch of executor.queue.splice(0)) deliver(this.#state, framework, executor, launch);
  }

  update(framework: AgentFramework, executor: Executor, status: TaskStatus): void {
    this.#updates.fromExecutor(framework, executor, status);
  }

  message(framework: AgentFramework, executor: Executor, data: Buffer): void {
    this.#state.toMaster((master, agentId) => master.messageToFramework(agentId, framework.id, executor.id, data));
  }

  /** Tasks that were sent to the executor and that it doesn't know: they were lost with its connection. */
  #dropUnknown(framework: AgentFramework, executor: Executor, subscribe: Call_Subscribe): void {
    const known = new Set(subscribe.unacknowledgedTasks.map(({ taskId }) => taskId?.value));
    for (const [taskId, task] of [...executor.launched]) {
      if (task.record.state !== TaskState.TASK_STAGING || known.has(taskId)) continue;
      this.#updates.fromAgent(framework, executor, {
        taskId,
        state: droppedState(framework.info),
        reason: Reason.REASON_AGENT_RESTARTED,
        message: "Task launched during agent restart",
      });
    }
  }
}
