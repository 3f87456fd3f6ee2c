import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  type DrainConfig,
  type FrameworkInfo,
  type KillPolicy,
  type Offer_Operation,
  TaskStatus_Reason as Reason,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { answerFiles } from "../files.js";
import { answerHelp } from "../help.js";
import { type Answer, notFound, type Request } from "../http/answer.js";
import { asJsonp, routed } from "../http/route.js";
import { HttpServer } from "../http/server.js";
import { type AgentInbox, Link, type MasterInbox, type RunTasks } from "../link.js";
import { answerOfProcess } from "../processAnswers.js";
import { drain } from "./draining.js";
import { handleExecutor } from "./executorApi.js";
import { ExecutorCalls } from "./executorCalls.js";
import { AGENT_HELP } from "./help.js";
import { exactState } from "./lostStates.js";
import { agentMetricsJson } from "./metrics.js";
import { OperationUpdates } from "./operationUpdates.js";
import { remember } from "./recovery.js";
import { registrationOf } from "./registration.js";
import { type AgentOptions, AgentState, droppedStatus } from "./state.js";
import { agentFlagsJson, agentStateJson } from "./stateJson.js";
import { containersJson, statisticsJson } from "./statistics.js";

const PREFIX = "/slave(1)";

/** An agent: its HTTP server, its executors and its registration. It can be stopped and started again. */
export class EmbeddedAgent implements AgentInbox {
  readonly #state: AgentState;
  readonly #calls: ExecutorCalls;
  readonly #operations: OperationUpdates;
  #server: HttpServer | undefined;
  #onAnswer: (refusal?: string) => void = () => {};
  /** Until the executors of an agent that was given up have ended. */
  #leaving: Promise<void> | undefined;
  #cancelRecovery: () => void = () => {};

  constructor(options: AgentOptions) {
    this.#state = new AgentState(options);
    this.#calls = new ExecutorCalls(this.#state);
    this.#operations = new OperationUpdates(this.#state);
    remember(this.#state, this.#calls.executors, this.#operations);
  }

  get url(): string {
    return `http://127.0.0.1:${this.#state.port}`;
  }

  get id(): string | undefined {
    return this.#state.id;
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  /**
   * Listens, on the same port as before if there was one. Executors that ran through a stop have a moment to return; those
   * of an agent that was given up end first.
   */
  async start(): Promise<void> {
    await this.#leaving;
    if (this.#server) return;
    this.#server = new HttpServer(
      (request) => this.#handle(request),
      (error) => this.#state.log(`agent ${this.#state.id}: ${error instanceof Error ? error.stack : error}`),
    );
    const otherwise = "executors of this agent know it by that; end what has it, or start without --keep";
    this.#state.port = await this.#server.listen(this.#state.port, otherwise);
    this.#state.save();
    await this.#recover();
    // Executors may have missed that their tasks are to end.
    if (this.#state.drain) this.drain(this.#state.drain.config);
  }

  /**
   * Registers with a master, or again after a pause.
   *
   * @returns why the master has no use for the agent, which then ends; undefined when it has taken it
   */
  connect(master: MasterInbox): Promise<string | undefined> {
    const answer = new Promise<string | undefined>((resolve) => {
      this.#onAnswer = resolve;
    });
    const link = new Link(master, this, () => this.#linkBroken(link));
    this.#state.link = link;
    link.toMaster((inbox) => inbox.register(link, registrationOf(this.#state)));
    return answer;
  }

  /** The master is gone. */
  disconnect(): void {
    this.#state.link?.break();
    this.#state.link = undefined;
    this.#state.registered = false;
    this.#state.updates.pause();
    this.#operations.pause();
  }

  /** As a crash: connections break, executors go on without it. */
  async stop(): Promise<void> {
    this.#cancelRecovery();
    this.disconnect();
    for (const framework of this.#state.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        executor.cancelRegistration();
        executor.cancelShutdown();
      }
    }
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }

  /** Ends everything: executors by force, then the agent. */
  async close(): Promise<void> {
    this.#state.stopSaving();
    for (const framework of this.#state.frameworks.values()) {
      framework.terminating = true;
      for (const executor of framework.executors.values()) this.#calls.executors.destroy(executor);
    }
    await this.stop();
  }

  /** Takes leave of the master and ends the executors, as an agent that is shut down in good order. */
  unregister(): void {
    this.#state.toMaster((master, agentId) => master.unregister(agentId));
    // After the message is delivered.
    queueMicrotask(() => this.#leave());
  }

  set partitioned(partitioned: boolean) {
    if (this.#state.link) this.#state.link.partitioned = partitioned;
  }

  /** Breaks the stream of an executor, as a network failure. */
  dropExecutorStream(frameworkId: string, executorId: string): void {
    this.#state.executor(frameworkId, executorId)?.channel?.close();
  }

  // What the master sends.

  registered(agentId: string): void {
    this.#state.id = agentId;
    this.#state.save();
    this.#isRegistered();
  }

  reregistered(known: ReadonlyArray<{ frameworkId: string; taskId: string; partitionAware: boolean }>): void {
    for (const { frameworkId, taskId, partitionAware } of known) {
      const framework = this.#state.frameworks.get(frameworkId);
      if (framework?.executorOfTask(taskId) || this.#state.updates.current(frameworkId, taskId)) continue;
      // The master sent it a task that never came, or that was forgotten.
      this.#state.updates.add(frameworkId, undefined, droppedStatus(this.#state, taskId, partitionAware));
    }
    this.#isRegistered();
  }

  ping(): void {
    this.#state.toMaster((master, agentId) => master.pong(agentId));
  }

  runTasks(message: RunTasks): void {
    this.#calls.executors.run(message);
  }

  killTask(frameworkId: string, taskId: string, killPolicy: KillPolicy | undefined): void {
    this.#calls.executors.kill(frameworkId, taskId, killPolicy);
  }

  acknowledge(frameworkId: string, taskId: string, uuid: Buffer): void {
    this.#calls.schedulerAcknowledged(frameworkId, taskId, uuid);
  }

  messageToExecutor(frameworkId: string, executorId: string, data: Buffer): void {
    const executor = this.#state.executor(frameworkId, executorId);
    if (executor?.state === "running") executor.channel?.send({ type: Event_Type.MESSAGE, message: { data } });
  }

  shutdownExecutor(frameworkId: string, executorId: string): void {
    const executor = this.#state.executor(frameworkId, executorId);
    if (executor) this.#calls.executors.shutdown(executor);
  }

  shutdownFramework(frameworkId: string): void {
    this.#calls.executors.shutdownFramework(frameworkId);
  }

  updateFramework(info: FrameworkInfo): void {
    const framework = this.#state.frameworks.get(info.id?.value ?? "");
    if (!framework || framework.terminating) return;
    framework.info = info;
    for (const executor of framework.executors.values()) this.#state.saveExecutor(framework, executor);
    // Whoever is the framework now may not have got what waits for an acknowledgement: it is sent at once, and so is
    // all else that waits, of any framework.
    this.#state.updates.resume();
  }

  applyOperation(frameworkId: string, operationUuid: string, operation: Offer_Operation): void {
    this.#operations.apply(frameworkId, operationUuid, operation);
  }

  acknowledgeOperation(operationUuid: string, statusUuid: Buffer): void {
    this.#operations.acknowledge(operationUuid, statusUuid);
  }

  drain(config: DrainConfig): void {
    drain(this.#state, this.#calls.executors, config);
  }

  shutdown(message: string): void {
    this.#state.log(`agent ${this.#state.id} is shut down by the master: ${message}`);
    this.#leave();
    this.#onAnswer(message);
  }

  #isRegistered(): void {
    this.#state.registered = true;
    this.#state.updates.resume();
    this.#operations.resume();
    this.#onAnswer();
  }

  #linkBroken(link: Link): void {
    if (this.#state.link !== link) return;
    this.#state.registered = false;
    this.#state.updates.pause();
    this.#operations.pause();
  }

  /** The end of an agent that the master has no more use for. It comes back as a new one, if ever. */
  #leave(): void {
    this.#state.link?.break();
    this.#state.link = undefined;
    this.#state.id = undefined;
    this.#operations.forget();
    this.#state.drain = undefined;
    this.#state.save();
    this.#leaving = this.#calls.executors.shutdownAll().then(() => this.stop());
  }

  /** After a stop: executors without checkpoints are ended, the others awaited for a moment. */
  async #recover(): Promise<void> {
    const waiting: Array<() => boolean> = [];
    for (const framework of this.#state.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        if (!(framework.info.checkpoint ?? false)) {
          framework.terminating = true;
          this.#calls.executors.destroy(executor);
        } else if (!executor.isBuiltIn && executor.state === "running") {
          executor.channel = undefined;
          waiting.push(() => executor.channel === undefined && executor.state === "running");
        }
      }
    }
    if (waiting.length === 0) return;
    this.#state.recovering = true;
    await this.#awaitExecutors(waiting);
    this.#state.recovering = false;
    for (const framework of this.#state.frameworks.values()) {
      for (const executor of framework.executors.values()) {
        if (executor.isBuiltIn || executor.channel || executor.state !== "running") continue;
        executor.termination = {
          state: exactState(framework.info, TaskState.TASK_GONE),
          reason: Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
          message: `Executor did not reregister within ${this.#state.flags.text("executor_reregistration_timeout")}`,
        };
        this.#calls.executors.destroy(executor);
      }
    }
  }

  #awaitExecutors(waiting: ReadonlyArray<() => boolean>): Promise<void> {
    const deadline = this.#state.clock.now() + this.#state.flags.duration("executor_reregistration_timeout");
    return new Promise((resolve) => {
      const look = () => {
        if (this.#state.clock.now() >= deadline || !waiting.some((missing) => missing())) resolve();
        else this.#cancelRecovery = this.#state.clock.setTimeout(look, 50);
      };
      look();
    });
  }

  #handle(request: Request): Answer {
    return answerHelp(AGENT_HELP, request) ?? routed(request, (path) => this.#route(path, request)) ?? notFound();
  }

  #route(path: string, request: Request): Answer | undefined {
    const own = path.startsWith(`${PREFIX}/`) ? path.slice(PREFIX.length) : path;
    if (own === "/api/v1/executor") return handleExecutor(this.#state, this.#calls, request);
    // Not under the agent's own prefix.
    if (path === "/metrics/snapshot") return asJsonp(agentMetricsJson(this.#state), request);
    const answer =
      answerOfProcess(path, request, this.#state.logging) ??
      answerFiles(() => this.#state.sandboxes(), path, request) ??
      this.#look(own, request);
    return answer && asJsonp(answer, request);
  }

  #look(path: string, request: Request): Answer | undefined {
    switch (path) {
      case "/state":
        return agentStateJson(this.#state);
      case "/health":
        return { status: 200 };
      case "/flags":
        return agentFlagsJson(this.#state);
      case "/monitor/statistics":
        return statisticsJson(this.#state);
      case "/containers":
        return containersJson(this.#state, request);
      default:
        return undefined;
    }
  }
}
