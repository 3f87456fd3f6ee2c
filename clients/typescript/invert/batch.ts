import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type InvertJobInput, parseProgress } from "../../../executor/inverter/job.js";
import { type Offer, TaskState, type TaskStatus, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";
import { BridgeError } from "../library/errors.js";
import type { FailureEvent, MessageEvent, SchedulerEvent } from "../library/events.js";
import { troubleLine } from "../library/program.js";
import type { Scheduler } from "../library/scheduler.js";
import { describeState, taskOutcome } from "../library/taskOutcome.js";
import { BatchCalls } from "./batchCalls.js";
import { type Connection, connectionAfter, missing, NOT_CONNECTED } from "./connection.js";
import { type Display, LAUNCHED } from "./display.js";
import type { Executors } from "./executors.js";
import type { FileServer } from "./fileServer.js";
import type { ImageRecord, ImageTask } from "./image.js";
import { ImageStore } from "./imageStore.js";
import type { Ledger } from "./ledger.js";
import { type Needs, type Packed, pack } from "./packing.js";
import type { ReceivedResult } from "./receiveResult.js";
import { withExtension } from "./resultNames.js";
import { SlowStarts } from "./slowStarts.js";
import { taskFor } from "./task.js";
import { couldNotReach, endsExecutor, isFinal } from "./taskLoss.js";
import { unwritable } from "./unwritable.js";
import { howToReach, whyNoOffers, withoutUrls } from "./words.js";

export interface BatchOptions {
  scheduler: Scheduler;
  ledger: Ledger;
  display: Display;
  /** Folder of the results. */
  output: string;
  needs: Needs;
  /** The same, for people. */
  describeNeeds: string;
  /** Who wants offers, for people: the framework's name and role. */
  demand: string;
  /** How often an image is tried again after Mesos lost its task. */
  retries: number;
  limits: Pick<InvertJobInput, "max_input_bytes" | "max_pixels" | "timeout_seconds">;
}

/**
 * The batch as a state machine: events and results in, calls and ledger entries out. An image is `waiting` for an
 * offer, `launched`, and in the end `done` or `failed`. What it is about to do is in the ledger before it is done.
 */
export class Batch {
  readonly #options: BatchOptions;
  readonly #images: ImageStore;
  readonly #calls: BatchCalls;
  /** Tasks of which a stage was shown. */
  readonly #shown = new Set<string>();
  readonly #slowStarts = new SlowStarts();
  #orphans: ImageTask[] = [];
  #server: FileServer | undefined;
  #executors: Executors | undefined;
  #stopping = false;
  #abandoned = false;
  #lastUnfit: string | undefined;
  #connection: Connection = NOT_CONNECTED;

  constructor(images: readonly ImageRecord[], options: BatchOptions) {
    this.#options = options;
    this.#images = new ImageStore(options.ledger, images);
    this.#calls = new BatchCalls({
      scheduler: options.scheduler,
      isLinked: () => this.#connection.state === "connected",
      onFailed: ({ message }) => {
        if (!this.#stopping) options.display.note(message);
      },
    });
  }

  /**
   * What the batch needs from those that need the batch. To be called before the first event. Tasks that would put
   * their results elsewhere are killed, and their images launched again.
   */
  connect(server: FileServer, executors: Executors): void {
    this.#server = server;
    this.#executors = executors;
    const elsewhere = this.#images
      .in("launched")
      .filter(({ task, result }) => !result && task?.origin !== server.origin);
    this.#images.save(elsewhere.map((image) => ({ ...image, state: "waiting" as const })));
    this.#orphans = elsewhere.flatMap(({ task }) => task ?? []);
  }

  /** The framework has ended, and with it its tasks. */
  tornDown(): void {
    this.#images.save(this.#images.in("launched").map((image) => ({ ...image, state: "waiting" as const })));
    for (const agentId of [...this.#options.ledger.executors.keys()]) this.#executors?.forget(agentId);
  }

  /** True once it was left to itself. */
  get abandoned(): boolean {
    return this.#abandoned;
  }

  get images(): ImageRecord[] {
    return this.#images.all;
  }

  find(id: string): ImageRecord | undefined {
    return this.#images.find(id);
  }

  /** True when nothing is left to do or, once stopped, nothing runs any more. */
  get over(): boolean {
    return this.#images.count("launched") === 0 && (this.#stopping || this.#images.count("waiting") === 0);
  }

  /** Whether there is a bridge and a master. */
  get connection(): Connection {
    return this.#connection;
  }

  /** How many tasks may run. */
  get running(): number {
    return this.#images.count("launched");
  }

  /** What keeps the batch from going on, for people; undefined while something runs, or nothing is wanted. */
  hindrance(): string | undefined {
    if (this.#stopping || this.running > 0 || this.#images.count("waiting") === 0) return undefined;
    return missing(this.#connection) ?? this.#describeOffers();
  }

  /** A line for each agent on which nothing has started for a while. Each agent is told of once. */
  slowStarts(nowMs: number): string[] {
    return this.#server === undefined ? [] : this.#slowStarts.lines(this.#images.in("launched"), this.#server, nowMs);
  }

  isBusy(agentId: string, executorId: string): boolean {
    return this.#images.in("launched").some(({ task }) => task?.agentId === agentId && task.executorId === executorId);
  }

  async onEvent(event: SchedulerEvent): Promise<void> {
    if (this.#abandoned) return;
    const trouble = troubleLine(event);
    if (trouble !== undefined) this.#options.display.note(trouble);
    this.#connection = connectionAfter(this.#connection, event);
    if (event.kind === "offers") await this.#onOffers(event.offers);
    else if (event.kind === "update") await this.#onUpdate(event.status);
    else if (event.kind === "message") this.#onMessage(event);
    else if (event.kind === "failure") this.#onFailure(event);
    else if (event.kind === "snapshot-end") this.#calls.forgetDemand();
    await this.#killOrphans();
    if (event.kind === "snapshot-end" || event.kind === "subscribed" || event.kind === "gap") await this.#reconcile();
    await this.#demand();
  }

  /**
   * Takes a result that has come in completely. False when the image has one already.
   *
   * @throws ProgramError when it can't be written
   */
  async onResult(id: string, received: ReceivedResult): Promise<boolean> {
    const image = this.#images.find(id);
    if (image === undefined || image.result !== undefined) {
      rmSync(received.path, { force: true });
      return false;
    }
    const file = withExtension(image.resultName, received.head);
    this.#keepResult(received.path, file);
    const changed = this.#images.change(image, { result: { file, bytes: received.bytes } });
    // A task that counted as lost, or as failed, did it after all.
    if (changed.state !== "launched") this.#finish(changed);
    await this.#options.ledger.stored();
    return true;
  }

  #keepResult(path: string, name: string): void {
    const { output } = this.#options;
    try {
      renameSync(path, join(output, name));
    } catch (error) {
      throw unwritable(output, error);
    }
  }

  /** Asks again for what may have been missed. To be called now and then. */
  async remind(): Promise<void> {
    await this.#reconcile();
    await this.#demand();
  }

  /** Does nothing any more, and says nothing: the bridge is away, and the program ends. */
  abandon(): void {
    this.#stopping = true;
    this.#abandoned = true;
  }

  /** Stops: kills what runs, and launches nothing any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { id, agentId } of this.#tasks) await this.#calls.kill(id, agentId);
  }

  async #killOrphans(): Promise<void> {
    if (!this.#calls.possible) return;
    for (const { id, agentId } of this.#orphans.splice(0)) await this.#calls.kill(id, agentId);
  }

  /** Those that should run. */
  get #tasks(): ImageTask[] {
    return this.#images.in("launched").flatMap(({ task }) => task ?? []);
  }

  async #reconcile(): Promise<void> {
    const tasks = this.#tasks;
    if (tasks.length === 0) return;
    // Not before a launch that waits for the same: the master would not know its tasks yet.
    await this.#options.ledger.stored();
    await this.#calls.reconcile(tasks);
  }

  /** Asks for offers when an image waits, and for none when not. */
  async #demand(): Promise<void> {
    if (!this.over) await this.#calls.demand(!this.#stopping && this.#images.count("waiting") > 0);
  }

  async #onOffers(offers: readonly Offer[]): Promise<void> {
    const executors = this.#executors;
    // Those of a master that was lost are void.
    if (executors === undefined || !this.#calls.possible) return;
    const count = this.#stopping ? 0 : this.#images.count("waiting");
    const packed = pack(offers, count, this.#options.needs, (offer) => executors.canReuse(offer));
    const unused = packed.filter(({ tasks }) => tasks.length === 0).map(({ offer }) => offer);
    for (const each of packed) if (each.tasks.length > 0) await this.#launch(each, executors);
    const first = unused[0];
    if (count > 0 && unused.length === offers.length && first !== undefined) this.#lastUnfit = labelOf(first);
    await this.#calls.decline(unused.map(({ id }) => id?.value ?? ""));
  }

  async #launch({ offer, executor, tasks }: Packed, executors: Executors): Promise<void> {
    const server = this.#server;
    const agentId = offer.agentId?.value ?? "";
    const waiting = this.#images.in("waiting").slice(0, tasks.length);
    if (server === undefined || waiting.length === 0) return;
    const info = executors.forLaunch(agentId, executor);
    const launched = waiting.map((image) => {
      const launches = image.launches + 1;
      const task = {
        id: `${image.id}-${launches}`,
        agentId,
        host: labelOf(offer),
        executorId: info.executorId?.value ?? "",
        launchTimeMs: Date.now(),
        origin: server.origin,
      };
      return { ...image, state: "launched" as const, launches, task };
    });
    this.#images.save(launched);
    const infos = launched.map((image, i) => taskFor(image, info, tasks[i] ?? [], server, this.#options.limits));
    await this.#options.ledger.stored();
    try {
      await this.#calls.launch(offer.id?.value ?? "", infos);
      this.#lastUnfit = undefined;
      for (const image of launched) this.#show(image, LAUNCHED, 0);
    } catch (error) {
      await this.#notLaunched(error, launched, executor === undefined ? undefined : agentId);
    }
  }

  async #notLaunched(error: unknown, images: readonly ImageRecord[], newOnAgent: string | undefined): Promise<void> {
    if (!(error instanceof BridgeError)) throw error;
    // Perhaps they run. An update will tell, or the answer to this question; until then they are not launched again.
    if (error.outcomeUnknown) return await this.#reconcile();
    if (newOnAgent !== undefined) this.#executors?.forget(newOnAgent);
    this.#images.save(images.map((image) => ({ ...image, state: "waiting" as const })));
    // Each other image would be refused as well, until somebody changes a rule.
    if (error.forbidden) throw error;
    if (error.reason !== "OFFER_GONE") this.#options.display.note(`a launch failed: ${error.message}`);
  }

  async #onUpdate(status: TaskStatus): Promise<void> {
    const taskId = status.taskId?.value ?? "";
    const image = this.#images.ofTask(taskId);
    const outcome = taskOutcome(status);
    const { TASK_STARTING, TASK_RUNNING } = TaskState;
    if (status.state === TASK_STARTING || status.state === TASK_RUNNING) this.#slowStarts.onSign(taskId);
    if (image?.state !== "launched" || image.task?.id !== taskId) {
      // Of an earlier launch that counted as lost, or of images that are not wanted any more.
      if (outcome === "active" && image?.task?.id !== taskId) await this.#calls.kill(taskId, status.agentId?.value);
      return;
    }
    if (outcome === "active") {
      // Of a task that an earlier process launched this is the first sign; of others there were better ones.
      if (status.reason === TaskStatus_Reason.REASON_RECONCILIATION && !this.#shown.has(taskId)) {
        this.#show(image, "running", 0);
      }
      return;
    }
    if (image.result !== undefined) return this.#finish(image);
    if (this.#stopping) {
      this.#images.change(image, { state: "waiting" });
      return;
    }
    if (outcome === "failed" && isFinal(status)) return this.#fail(image, this.#inWords(image, status.message ?? ""));
    this.#lose(image, status);
  }

  /** The image waits for another task, unless it was lost too often. */
  #lose(image: ImageRecord, status: TaskStatus): void {
    const { retries, display } = this.#options;
    if (endsExecutor(status)) this.#executors?.forget(image.task?.agentId ?? "", image.task?.executorId);
    const finished = status.state === TaskState.TASK_FINISHED;
    const why = finished ? "it finished, but its result never came" : this.#whyLost(image, status);
    const losses = image.losses + 1;
    const howOften = losses === 1 ? "once" : `${losses} times; the last time`;
    if (losses > retries) return this.#fail({ ...image, losses }, `lost ${howOften}: ${why}`);
    display.again(this.#images.change(image, { state: "waiting", losses, reason: why }));
  }

  #whyLost(image: ImageRecord, status: TaskStatus): string {
    const server = this.#server;
    const text = this.#inWords(image, describeState(status));
    return server !== undefined && couldNotReach(status, server.host) ? `${text}: ${howToReach(server)}` : text;
  }

  #inWords(image: ImageRecord, message: string): string {
    return this.#server === undefined ? message : withoutUrls(message, image, this.#server);
  }

  #describeOffers(): string {
    const { describeNeeds, demand } = this.#options;
    if (this.#lastUnfit === undefined) return whyNoOffers(this.#connection, demand);
    return `the offer of agent ${this.#lastUnfit} is too small: ${describeNeeds}`;
  }

  #finish(image: ImageRecord): void {
    const { reason: _, ...rest } = image;
    const changed = this.#images.change(rest, { state: "done", durationMs: durationOf(image) });
    this.#options.display.over(changed);
  }

  #fail(image: ImageRecord, reason: string): void {
    this.#options.display.over(this.#images.change(image, { state: "failed", reason, durationMs: durationOf(image) }));
  }

  #onMessage(event: MessageEvent): void {
    let progress: ReturnType<typeof parseProgress>;
    try {
      progress = parseProgress(event.data);
    } catch {
      return;
    }
    this.#slowStarts.onSign(progress.task_id);
    const image = this.#images.ofTask(progress.task_id);
    if (image?.state === "launched" && image.task?.id === progress.task_id) {
      this.#show(image, progress.stage, progress.fraction);
    }
  }

  #onFailure({ agentId, executorId }: FailureEvent): void {
    if (agentId?.value !== undefined) this.#executors?.forget(agentId.value, executorId?.value);
  }

  #show(image: ImageRecord, stage: string, fraction: number): void {
    this.#shown.add(image.task?.id ?? "");
    this.#options.display.stage(image, stage, fraction);
  }
}

function durationOf({ task }: ImageRecord): number {
  return task === undefined ? 0 : Date.now() - task.launchTimeMs;
}

/** `host (S1)`: several agents may share a host. */
function labelOf(offer: Offer): string {
  const id = offer.agentId?.value ?? "";
  return `${offer.hostname} (${id.slice(id.lastIndexOf("-") + 1)})`;
}
