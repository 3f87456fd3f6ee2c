import { type Call_Subscribe, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  NetworkInfo_Protocol,
  TaskStatus_Reason as Reason,
  TaskStatus_Source as Source,
  TaskState,
  type TaskStatus,
} from "../../gen/mesos/v1/mesos.js";
import type { StatusFields } from "../status.js";
import { isTerminal } from "../taskStates.js";
import { duringDrain } from "./draining.js";
import type { AgentFramework, Executor, ExecutorChannel } from "./executor.js";
import { Executors } from "./executors.js";
import { droppedState } from "./lostStates.js";
import type { AgentState } from "./state.js";

/** What executors ask of their agent. */
export class ExecutorCalls {
  readonly #state: AgentState;
  readonly executors: Executors;

  constructor(state: AgentState) {
    this.#state = state;
    this.executors = new Executors(state, this);
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
      if (status) this.update(framework, executor, status, (receipt) => receipts.push(receipt));
    }
    this.#dropUnknown(framework, executor, subscribe);
    if (executor.useless) return this.executors.shutdown(executor);
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
    for (const launch of executor.queue.splice(0)) this.executors.deliver(framework, executor, launch);
  }

  /** UPDATE: kept until the scheduler acknowledges it; the executor gets ACKNOWLEDGED once it is. */
  update(
    framework: AgentFramework,
    executor: Executor,
    sent: TaskStatus,
    give: (receipt: () => void) => void = (receipt) => receipt(),
  ): void {
    // Nobody is to hear of it, as in Mesos not even the executor that it came.
    if (framework.terminating) return;
    const agentId = sent.agentId?.value;
    if (agentId !== undefined && agentId !== this.#state.id) {
      return this.#state.log(`executor ${executor.id} sent an update for agent ${agentId}: it is ignored`);
    }
    const taskId = sent.taskId?.value ?? "";
    const acknowledged = () =>
      executor.channel?.send({
        type: Event_Type.ACKNOWLEDGED,
        acknowledged: { taskId: { value: taskId }, uuid: sent.uuid },
      });
    if (executor.ended.has(taskId)) return give(acknowledged);
    const task = executor.launched.get(taskId);
    const status = duringDrain(this.#state.drain, framework.info, this.#complete(executor, sent, task !== undefined));
    if (!task) {
      // Nobody here launched it. The scheduler may know more; the executor gets no receipt.
      this.#state.updates.add(framework.id, executor.id, status);
      return;
    }
    executor.everReported = true;
    this.#record(framework, executor, status);
    give(acknowledged);
  }

  /** An update of the agent's own making for one of the executor's tasks. */
  agentUpdate(framework: AgentFramework, executor: Executor, fields: Omit<StatusFields, "agentId" | "uuid">): void {
    if (framework.terminating) {
      executor.launched.delete(fields.taskId);
      return;
    }
    const status = this.#state.ownStatus({ executorId: executor.id, ...fields });
    this.#record(framework, executor, duringDrain(this.#state.drain, framework.info, status));
  }

  /** The scheduler acknowledged an update. */
  schedulerAcknowledged(frameworkId: string, taskId: string, uuid: Buffer): void {
    const framework = this.#state.frameworks.get(frameworkId);
    const executor = framework?.executorOfTask(taskId);
    const outcome = this.#state.updates.acknowledge(frameworkId, taskId, uuid);
    if (!outcome || !framework || !executor) return;
    if (!outcome.done) return this.#state.saveExecutor(framework, executor);
    const task = executor.ended.get(taskId);
    if (task) executor.complete(task);
    executor.ended.delete(taskId);
    this.#state.saveExecutor(framework, executor);
    this.executors.forgetIfDone(framework, executor);
  }

  message(framework: AgentFramework, executor: Executor, data: Buffer): void {
    this.#state.toMaster((master, agentId) => master.messageToFramework(agentId, framework.id, executor.id, data));
  }

  #record(framework: AgentFramework, executor: Executor, status: TaskStatus): void {
    const taskId = status.taskId?.value ?? "";
    const task = executor.launched.get(taskId);
    if (task && status.state !== undefined) {
      task.record.state = status.state;
      const { statuses } = task.record;
      const earlier = statuses.at(-1)?.state === status.state ? statuses.slice(0, -1) : statuses;
      task.record.statuses = [...earlier, { ...status, data: undefined }];
      if (isTerminal(status.state)) {
        executor.launched.delete(taskId);
        executor.ended.set(taskId, task);
      }
    }
    this.#state.updates.add(framework.id, executor.id, status);
    this.#state.saveExecutor(framework, executor);
  }

  /** What the agent knows better than the executor, or adds. */
  #complete(executor: Executor, sent: TaskStatus, launched: boolean): TaskStatus {
    const status: TaskStatus = {
      ...sent,
      agentId: { value: this.#state.id ?? "" },
      source: Source.SOURCE_EXECUTOR,
      timestamp: sent.timestamp ?? this.#state.clock.now() / 1000,
    };
    if (!launched) return status;
    const own = sent.containerStatus;
    const networks = own?.networkInfos ?? [];
    status.containerStatus = {
      ...own,
      containerId: own?.containerId ?? { value: executor.containerId },
      executorPid: executor.container?.pid,
      networkInfos:
        networks.length > 0
          ? networks
          : [
              {
                ipAddresses: [{ protocol: NetworkInfo_Protocol.IPv4, ipAddress: "127.0.0.1" }],
                groups: [],
                portMappings: [],
              },
            ],
    };
    return status;
  }

  /** Tasks that were sent to the executor and that it doesn't know: they were lost with its connection. */
  #dropUnknown(framework: AgentFramework, executor: Executor, subscribe: Call_Subscribe): void {
    const known = new Set(subscribe.unacknowledgedTasks.map(({ taskId }) => taskId?.value));
    for (const [taskId, task] of [...executor.launched]) {
      if (task.record.state !== TaskState.TASK_STAGING || known.has(taskId)) continue;
      this.agentUpdate(framework, executor, {
        taskId,
        state: droppedState(framework.info),
        reason: Reason.REASON_AGENT_RESTARTED,
        message: "Task launched during agent restart",
      });
    }
  }
}
