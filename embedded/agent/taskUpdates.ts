import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { NetworkInfo_Protocol, TaskStatus_Source as Source, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import type { StatusFields } from "../status.js";
import { isTerminal } from "../taskStates.js";
import { duringDrain } from "./drain.js";
import type { AgentFramework, Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** Updates of tasks that executors have, from the executors and of the agent's own making. */
export class TaskUpdates {
  readonly #state: AgentState;

  constructor(state: AgentState) {
    this.#state = state;
  }

  /** UPDATE: kept until the scheduler acknowledges it; the executor gets ACKNOWLEDGED once it is. */
  fromExecutor(
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
  fromAgent(framework: AgentFramework, executor: Executor, fields: Omit<StatusFields, "agentId" | "uuid">): void {
    if (framework.terminating) {
      executor.launched.delete(fields.taskId);
      return;
    }
    const status = this.#state.ownStatus({ executorId: executor.id, ...fields });
    this.#record(framework, executor, duringDrain(this.#state.drain, framework.info, status));
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
}
