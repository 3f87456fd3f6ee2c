import { randomUUID } from "node:crypto";
import { constants } from "node:os";
import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  type ExecutorInfo,
  type FrameworkInfo,
  type KillPolicy,
  TaskStatus_Reason as Reason,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { formatDuration } from "../duration.js";
import type { RunTasks } from "../link.js";
import { AdoptedProcess } from "./adoptedProcess.js";
import { BuiltInExecutor } from "./builtInExecutor.js";
import { commandExecutorInfo } from "./commandExecutorInfo.js";
import { launchFailed, refuseContainer, refuseLimits, unresolvedSecret } from "./container.js";
import { dropDuringDrain, dropTasks, dropUnknown, refuseLaunch, refuseTasks } from "./dropped.js";
import { executorEnvironment, shutdownGraceMs } from "./environment.js";
import { AgentFramework, Executor, type QueuedLaunch } from "./executor.js";
import type { ExecutorCalls } from "./executorCalls.js";
import { startExecutor } from "./executorProcess.js";
import { prepareExecutor, unpreparable } from "./executorUser.js";
import { fetchUris, invalidUris } from "./fetcher.js";
import { UNKNOWN_STATUS, type WaitStatus } from "./processGroup.js";
import { killTree, processStart } from "./processTree.js";
import { type AgentState, taskRecord } from "./state.js";
import { linkVolumes } from "./volumes.js";

/** Starts, feeds and ends the executors of one agent. */
export class Executors {
  readonly #state: AgentState;
  readonly #calls: ExecutorCalls;
  #onIdle: () => void = () => {};

  constructor(state: AgentState, calls: ExecutorCalls) {
    this.#state = state;
    this.#calls = calls;
  }

  run(message: RunTasks): void {
    const frameworkId = message.framework.id?.value ?? "";
    const framework = this.#state.frameworks.get(frameworkId) ?? new AgentFramework(message.framework);
    if (framework.terminating) return;
    const isCommand = message.executor === undefined;
    const info = message.executor ?? commandExecutorInfo(message.tasks[0], frameworkId);
    if (this.#state.drain) return dropDuringDrain(this.#state, framework, message, info.executorId?.value);
    this.#state.frameworks.set(frameworkId, framework);
    const limited = refuseLimits(message.tasks);
    if (limited) {
      refuseTasks(this.#state, framework, message, limited);
      return this.#forgetIfIdle(framework);
    }
    const known = framework.executors.get(info.executorId?.value ?? "");
    const refusal = refuseLaunch(message, known, isCommand);
    if (refusal !== undefined) {
      dropTasks(this.#state, framework, message.tasks, info.executorId?.value, {
        reason: Reason.REASON_EXECUTOR_TERMINATED,
        message: refusal,
      });
      return this.#forgetIfIdle(framework);
    }
    const executor = known ?? this.#create(framework, info, isCommand);
    const unprepared = known ? undefined : unpreparable(this.#state, framework, executor);
    if (unprepared !== undefined) return this.#dropExecutor(framework, executor, message.tasks, unprepared);
    const launch: QueuedLaunch = { tasks: [...message.tasks], group: message.group };
    if (executor.state === "running") this.deliver(framework, executor, launch);
    else executor.queue.push(launch);
    if (!known) this.#start(framework, executor).catch((error: Error) => this.#state.log(String(error.stack)));
  }

  /** Hands tasks to an executor that is subscribed. */
  deliver(framework: AgentFramework, executor: Executor, launch: QueuedLaunch): void {
    // A volume may be new to an executor that runs already.
    const resources = launch.tasks.flatMap((task) => task.resources);
    linkVolumes(this.#state.workDir, resources, executor.sandbox);
    for (const info of launch.tasks) {
      const record = taskRecord(this.#state.id ?? "", framework.id, info, executor);
      executor.launched.set(info.taskId?.value ?? "", { info, record });
    }
    this.#state.saveExecutor(framework, executor);
    if (launch.group) {
      executor.channel?.send({ type: Event_Type.LAUNCH_GROUP, launchGroup: { taskGroup: { tasks: launch.tasks } } });
    } else {
      for (const task of launch.tasks) executor.channel?.send({ type: Event_Type.LAUNCH, launch: { task } });
    }
  }

  kill(frameworkId: string, taskId: string, killPolicy: KillPolicy | undefined): void {
    const framework = this.#state.frameworks.get(frameworkId);
    const executor = framework?.executorOfTask(taskId);
    if (!framework || !executor) return dropUnknown(this.#state, frameworkId, taskId);
    const queued = executor.queued(taskId);
    if (queued) return this.#killQueued(framework, executor, queued, taskId);
    if (executor.state !== "running") return;
    executor.channel?.send({ type: Event_Type.KILL, kill: { taskId: { value: taskId }, killPolicy } });
  }

  /** SHUTDOWN, and the end by force after the grace period. */
  shutdown(executor: Executor): void {
    if (executor.state === "terminating" || executor.state === "terminated") return;
    executor.state = "terminating";
    executor.cancelRegistration();
    executor.channel?.send({ type: Event_Type.SHUTDOWN });
    const graceMs = shutdownGraceMs(this.#state.flags, executor.info);
    executor.cancelShutdown = this.#state.clock.setTimeout(() => this.destroy(executor), graceMs);
  }

  shutdownFramework(frameworkId: string): void {
    const framework = this.#state.frameworks.get(frameworkId);
    if (!framework) return;
    framework.terminating = true;
    this.#state.updates.removeFramework(frameworkId);
    for (const executor of framework.executors.values()) {
      executor.queue = [];
      this.shutdown(executor);
      this.forgetIfDone(framework, executor);
    }
    this.#forgetIfIdle(framework);
  }

  /** SHUTDOWN for all executors; resolves when they have ended, by force after their grace periods. */
  shutdownAll(): Promise<void> {
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    for (const frameworkId of [...this.#state.frameworks.keys()]) this.shutdownFramework(frameworkId);
    if (this.#state.frameworks.size === 0) this.#onIdle();
    return idle;
  }

  /** Ends an executor by force. What its tasks are told comes with the end of its process. */
  destroy(executor: Executor): void {
    executor.fetching.abort(new Error("the executor was destroyed"));
    if (executor.container) executor.container.kill();
  }

  /** Takes up an executor of an earlier run of the agent. Its process may be gone by now. */
  adopt(framework: AgentFramework, executor: Executor): void {
    const { pid, start } = executor.process ?? { pid: 0, start: "" };
    const { clock } = this.#state;
    executor.container = new AdoptedProcess(pid, start, clock, () => this.ended(framework, executor, UNKNOWN_STATUS));
  }

  /** The executor's process ended: its tasks end with it. */
  ended(framework: AgentFramework, executor: Executor, status: WaitStatus): void {
    if (executor.state === "terminated") return;
    executor.state = "terminated";
    executor.cancelRegistration();
    executor.cancelShutdown();
    this.#state.log(`executor ${executor.id} of framework ${framework.id} ended with wait status ${status}`);
    if (!executor.isCommand) {
      this.#state.toMaster((master, agentId) => master.exitedExecutor(agentId, framework.id, executor.id, status));
    }
    const {
      state = TaskState.TASK_FAILED,
      reason,
      message,
    } = executor.termination ?? {
      reason: Reason.REASON_EXECUTOR_TERMINATED,
      message: "Executor terminated",
    };
    for (const launch of executor.queue.splice(0)) {
      for (const info of launch.tasks) {
        const record = taskRecord(this.#state.id ?? "", framework.id, info, executor);
        executor.launched.set(info.taskId?.value ?? "", { info, record });
      }
    }
    for (const taskId of [...executor.launched.keys()]) {
      this.#calls.agentUpdate(framework, executor, { taskId, state, reason, message });
    }
    this.forgetIfDone(framework, executor);
  }

  /** An ended executor is forgotten when nobody waits for an acknowledgement of its tasks. */
  forgetIfDone(framework: AgentFramework, executor: Executor): void {
    if (executor.state !== "terminated") return;
    if (!framework.terminating && (executor.launched.size > 0 || executor.ended.size > 0)) return;
    executor.channel?.close();
    framework.complete(executor);
    this.#state.saveExecutor(framework, executor);
    this.#forgetIfIdle(framework);
  }

  #forgetIfIdle(framework: AgentFramework): void {
    if (framework.executors.size === 0) this.#state.completeFramework(framework);
    if (this.#state.frameworks.size === 0) this.#onIdle();
  }

  #create(framework: AgentFramework, info: ExecutorInfo, isCommand: boolean): Executor {
    const containerId = randomUUID();
    const executorId = info.executorId?.value ?? "";
    const sandbox = this.#state.sandboxOf(framework.id, executorId, containerId);
    const executor = new Executor(framework.id, info, containerId, sandbox, isCommand);
    framework.executors.set(executorId, executor);
    return executor;
  }

  /** The executor never was: its framework gets a FAILURE, as for one that ended. */
  #dropExecutor(
    framework: AgentFramework,
    executor: Executor,
    tasks: Readonly<QueuedLaunch["tasks"]>,
    why: string,
  ): void {
    framework.executors.delete(executor.id);
    this.#state.log(`executor ${executor.id} of framework ${framework.id} can't be started: ${why}`);
    if (!executor.isCommand) {
      this.#state.toMaster((master, agentId) =>
        master.exitedExecutor(agentId, framework.id, executor.id, UNKNOWN_STATUS),
      );
    }
    const reason = Reason.REASON_EXECUTOR_TERMINATED;
    dropTasks(this.#state, framework, tasks, executor.id, { reason, message: why });
    this.#forgetIfIdle(framework);
  }

  async #start(framework: AgentFramework, executor: Executor): Promise<void> {
    try {
      await prepareExecutor(this.#state, framework, executor);
      executor.termination = refuseContainer(executor.info.container) ?? unresolvedSecret(executor.info.command);
      if (executor.termination) return this.ended(framework, executor, UNKNOWN_STATUS);
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
      this.ended(framework, executor, constants.signals.SIGKILL);
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
        onEnd: (status) => this.ended(framework, executor, status),
      });
      executor.container = builtIn;
      this.#calls.subscribe(framework, executor, builtIn, { unacknowledgedTasks: [], unacknowledgedUpdates: [] });
      return;
    }
    const onEnd = (status: WaitStatus) => this.ended(framework, executor, status);
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
      this.destroy(executor);
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

  #killQueued(framework: AgentFramework, executor: Executor, launch: QueuedLaunch, taskId: string): void {
    executor.queue = executor.queue.filter((other) => other !== launch);
    const killed = launch.group ? launch.tasks : launch.tasks.filter((task) => task.taskId?.value === taskId);
    const rest = launch.tasks.filter((task) => !killed.includes(task));
    if (rest.length > 0) executor.queue.push({ ...launch, tasks: rest });
    for (const info of killed) {
      const id = info.taskId?.value ?? "";
      const record = taskRecord(this.#state.id ?? "", framework.id, info, executor);
      executor.launched.set(id, { info, record });
      this.#calls.agentUpdate(framework, executor, {
        taskId: id,
        state: TaskState.TASK_KILLED,
        reason: Reason.REASON_TASK_KILLED_DURING_LAUNCH,
        message: launch.group
          ? "A task within the task group was killed before delivery to the executor"
          : "Killed before delivery to the executor",
      });
    }
  }
}
