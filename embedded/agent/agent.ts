import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import type { DrainConfig, FrameworkInfo, KillPolicy, Offer_Operation } from "../../gen/mesos/v1/mesos.js";
import { HttpServer } from "../http/server.js";
import { type AgentInbox, Link, type MasterInbox, type RunTasks } from "../link.js";
import { drain } from "./draining.js";
import { destroyExecutor, shutdownAll, shutdownExecutor, shutdownFramework } from "./executorEnds.js";
import { ExecutorRecovery } from "./executorRecovery.js";
import { OperationUpdates } from "./operationUpdates.js";
import { remember } from "./recovery.js";
import { registrationOf } from "./registration.js";
import { handleAgentRequest } from "./routes.js";
import { type AgentOptions, AgentState, droppedStatus } from "./state.js";
import { acknowledgeUpdate, killTask, runTasks } from "./tasks.js";

/** An agent: its HTTP server, its executors and its registration. It can be stopped and started again. */
export class EmbeddedAgent implements AgentInbox {
  readonly #state: AgentState;
  readonly #operations: OperationUpdates;
  #server: HttpServer | undefined;
  #onAnswer: (refusal?: string) => void = () => {};
  /** Until the executors of an agent that was given up have ended. */
  #leaving: Promise<void> | undefined;
  #recovery: ExecutorRecovery | undefined;

  constructor(options: AgentOptions) {
    this.#state = new AgentState(options);
    this.#operations = new OperationUpdates(this.#state);
    remember(this.#state, this.#operations);
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
      (request) => handleAgentRequest(this.#state, request),
      (error) => this.#state.log(`agent ${this.#state.id}: ${error instanceof Error ? error.stack : error}`),
    );
    const otherwise = "executors of this agent know it by that; end what has it, or start without --keep";
    this.#state.port = await this.#server.listen(this.#state.port, otherwise);
    this.#state.save();
    this.#recovery = new ExecutorRecovery(this.#state);
    await this.#recovery.run();
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

  /** Simulates a crash: connections break, executors keep running without it. */
  async stop(): Promise<void> {
    this.#recovery?.cancel();
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
      for (const executor of framework.executors.values()) destroyExecutor(executor);
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
    runTasks(this.#state, message);
  }

  killTask(frameworkId: string, taskId: string, killPolicy: KillPolicy | undefined): void {
    killTask(this.#state, frameworkId, taskId, killPolicy);
  }

  acknowledge(frameworkId: string, taskId: string, uuid: Buffer): void {
    acknowledgeUpdate(this.#state, frameworkId, taskId, uuid);
  }

  messageToExecutor(frameworkId: string, executorId: string, data: Buffer): void {
    const executor = this.#state.executor(frameworkId, executorId);
    if (executor?.state === "running") executor.channel?.send({ type: Event_Type.MESSAGE, message: { data } });
  }

  shutdownExecutor(frameworkId: string, executorId: string): void {
    const executor = this.#state.executor(frameworkId, executorId);
    if (executor) shutdownExecutor(this.#state, executor);
  }

  shutdownFramework(frameworkId: string): void {
    shutdownFramework(this.#state, frameworkId);
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
    drain(this.#state, config);
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
    this.#leaving = shutdownAll(this.#state).then(() => this.stop());
  }
}
