import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type InvertJobInput, parseFailure, parseProgress } from "../../../executor/inverter/job.js";
import { type Offer, TaskState, type TaskStatus, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";
import { BridgeError } from "../library/errors.js";
import type { FailureEvent, MessageEvent, SchedulerEvent } from "../library/events.js";
import { troubleLine } from "../library/program.js";
import type { Scheduler } from "../library/scheduler.js";
import { describeStatus, taskOutcome } from "../library/taskOutcome.js";
import type { Display } from "./display.js";
import type { Executors } from "./executors.js";
import type { FileServer } from "./fileServer.js";
import type { ImageRecord, ImageTask } from "./image.js";
import type { Ledger } from "./ledger.js";
import { type Needs, type Packed, pack } from "./packing.js";
import type { ReceivedResult } from "./receiveResult.js";
import { withExtension } from "./resultNames.js";
import { inputUrlOf, taskFor } from "./task.js";

/** What is not used is not wanted again soon: the batch asks when it wants more. */
const REFUSE_SECONDS = 3_600;

export interface BatchOptions {
  scheduler: Scheduler;
  ledger: Ledger;
  display: Display;
  /** Folder of the results. */
  output: string;
  needs: Needs;
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
  readonly #images = new Map<string, ImageRecord>();
  /** The same, by state. */
  readonly #states = {
    waiting: new Map<string, ImageRecord>(),
    launched: new Map<string, ImageRecord>(),
    done: new Map<string, ImageRecord>(),
    failed: new Map<string, ImageRecord>(),
  };
  /** Tasks that must not go on, killed already: their images have other tasks now, or are none of this batch. */
  readonly #killed = new Set<string>();
  /** Tasks of which a stage was shown. */
  readonly #shown = new Set<string>();
  #orphans: ImageTask[] = [];
  #server: FileServer | undefined;
  #executors: Executors | undefined;
  /** Whether offers are stopped; undefined while that is not known. */
  #suppressed: boolean | undefined;
  #stopping = false;
  #abandoned = false;
  #lastUnfit: string | undefined;

  constructor(images: readonly ImageRecord[], options: BatchOptions) {
    this.#options = options;
    this.#store(images);
  }

  /**
   * What the batch needs from those that need the batch. To be called before the first event. Tasks that would put
   * their results elsewhere are killed, and their images launched again.
   */
  connect(server: FileServer, executors: Executors): void {
    this.#server = server;
    this.#executors = executors;
    const elsewhere = this.#in("launched").filter(({ task, result }) => !result && task?.origin !== server.origin);
    this.#store(elsewhere.map((image) => ({ ...image, state: "waiting" as const })));
    this.#orphans = elsewhere.flatMap(({ task }) => task ?? []);
  }

  /** The framework has ended, and with it its tasks. */
  tornDown(): void {
    this.#store(this.#in("launched").map((image) => ({ ...image, state: "waiting" as const })));
    for (const agentId of [...this.#options.ledger.executors.keys()]) this.#executors?.forget(agentId);
  }

  get images(): ImageRecord[] {
    return [...this.#images.values()];
  }

  find(id: string): ImageRecord | undefined {
    return this.#images.get(id);
  }

  /** True when nothing is left to do or, once stopped, nothing runs any more. */
  get over(): boolean {
    return this.#states.launched.size === 0 && (this.#stopping || this.#states.waiting.size === 0);
  }

  /** An agent's offer that was too small, for people; undefined while there was none. */
  get lastUnfit(): string | undefined {
    return this.#states.waiting.size > 0 ? this.#lastUnfit : undefined;
  }

  isBusy(agentId: string, executorId: string): boolean {
    return this.#in("launched").some(({ task }) => task?.agentId === agentId && task.executorId === executorId);
  }

  async onEvent(event: SchedulerEvent): Promise<void> {
    if (this.#abandoned) return;
    const trouble = troubleLine(event);
    if (trouble !== undefined) this.#options.display.note(trouble);
    if (event.kind === "offers") await this.#onOffers(event.offers);
    else if (event.kind === "update") await this.#onUpdate(event.status);
    else if (event.kind === "message") this.#onMessage(event);
    else if (event.kind === "failure") this.#onFailure(event);
    else if (event.kind === "snapshot-end") await this.#onAttached();
    if (event.kind === "snapshot-end" || event.kind === "subscribed" || event.kind === "gap") await this.reconcile();
    await this.#adjustDemand();
  }

  /** Takes a result that has come in completely. False when the image has one already. */
  async onResult(id: string, received: ReceivedResult): Promise<boolean> {
    const image = this.#images.get(id);
    if (image === undefined || image.result !== undefined) {
      rmSync(received.path, { force: true });
      return false;
    }
    const file = withExtension(image.resultName, received.head);
    renameSync(received.path, join(this.#options.output, file));
    const changed = this.#change(image, { result: { file, bytes: received.bytes } });
    // A task that counted as lost, or as failed, did it after all.
    if (changed.state !== "launched") this.#finish(changed);
    return true;
  }

  /** Asks what became of the tasks that should run. The answers are updates. */
  async reconcile(): Promise<void> {
    const tasks = this.#in("launched").flatMap(({ task }) =>
      task === undefined ? [] : [{ taskId: { value: task.id }, agentId: { value: task.agentId } }],
    );
    if (tasks.length > 0) await this.#try(() => this.#options.scheduler.reconcileTasks(tasks));
  }

  /** Does nothing any more, and says nothing: the bridge is away, and the program ends. */
  abandon(): void {
    this.#stopping = true;
    this.#abandoned = true;
  }

  /** Stops: kills what runs, and launches nothing any more. */
  async stop(): Promise<void> {
    this.#stopping = true;
    for (const { task } of this.#in("launched")) if (task !== undefined) await this.kill(task.id, task.agentId);
  }

  async kill(taskId: string, agentId?: string): Promise<void> {
    if (this.#killed.has(taskId)) return;
    this.#killed.add(taskId);
    const agent = agentId === undefined ? {} : { agentId: { value: agentId } };
    const killed = await this.#try(() => this.#options.scheduler.killTask({ taskId: { value: taskId }, ...agent }));
    if (!killed) this.#killed.delete(taskId);
  }

  async #onAttached(): Promise<void> {
    this.#suppressed = undefined;
    for (const { id, agentId } of this.#orphans.splice(0)) await this.kill(id, agentId);
  }

  #in(state: ImageRecord["state"]): ImageRecord[] {
    return [...this.#states[state].values()];
  }

  async #onOffers(offers: readonly Offer[]): Promise<void> {
    const executors = this.#executors;
    if (executors === undefined) return;
    const count = this.#stopping ? 0 : this.#states.waiting.size;
    const packed = pack(offers, count, this.#options.needs, (offer) => executors.canReuse(offer));
    const unused = packed.filter(({ tasks }) => tasks.length === 0).map(({ offer }) => offer);
    for (const each of packed) if (each.tasks.length > 0) await this.#launch(each, executors);
    const first = unused[0];
    if (count > 0 && unused.length === offers.length && first !== undefined) this.#lastUnfit = labelOf(first);
    const ids = unused.map(({ id }) => id?.value ?? "");
    if (ids.length > 0) await this.#try(() => this.#options.scheduler.declineOffers(ids, REFUSE_SECONDS));
  }

  async #launch({ offer, executor, tasks }: Packed, executors: Executors): Promise<void> {
    const server = this.#server;
    const agentId = offer.agentId?.value ?? "";
    const waiting = this.#in("waiting").slice(0, tasks.length);
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
    this.#store(launched);
    const request = {
      offerIds: [{ value: offer.id?.value ?? "" }],
      tasks: launched.map((image, i) => taskFor(image, info, tasks[i] ?? [], server, this.#options.limits)),
      filters: { refuseSeconds: REFUSE_SECONDS },
    };
    try {
      await this.#options.scheduler.launchTasks(request);
      this.#lastUnfit = undefined;
      for (const image of launched) this.#show(image, "launched", 0);
    } catch (error) {
      await this.#notLaunched(error, launched, executor === undefined ? undefined : agentId);
    }
  }

  async #notLaunched(error: unknown, images: readonly ImageRecord[], newOnAgent: string | undefined): Promise<void> {
    if (!(error instanceof BridgeError)) throw error;
    // Perhaps they run. An update will tell, or the answer to this question; until then they are not launched again.
    if (error.outcomeUnknown) return await this.reconcile();
    if (error.reason !== "OFFER_GONE") this.#options.display.note(`nothing was launched: ${error.message}`);
    if (newOnAgent !== undefined) this.#executors?.forget(newOnAgent);
    this.#store(images.map((image) => ({ ...image, state: "waiting" as const })));
  }

  async #onUpdate(status: TaskStatus): Promise<void> {
    const taskId = status.taskId?.value ?? "";
    const image = this.#images.get(taskId.slice(0, taskId.lastIndexOf("-")));
    const outcome = taskOutcome(status);
    if (image?.state !== "launched" || image.task?.id !== taskId) {
      // Of an earlier launch that counted as lost, or of images that are not wanted any more.
      if (outcome === "active" && image?.task?.id !== taskId) await this.kill(taskId, status.agentId?.value);
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
    if (this.#stopping) return void this.#change(image, { state: "waiting" });
    if (outcome === "failed" && isFinal(status)) return this.#fail(image, this.#inWords(image, status.message ?? ""));
    this.#lose(image, status);
  }

  /** The image waits for another task, unless it was lost too often. */
  #lose(image: ImageRecord, status: TaskStatus): void {
    const { retries, display } = this.#options;
    if (ENDS_EXECUTOR.has(status.reason)) this.#executors?.forget(image.task?.agentId ?? "", image.task?.executorId);
    const finished = status.state === TaskState.TASK_FINISHED;
    const why = finished ? "it finished, but its result never came" : this.#inWords(image, describeStatus(status));
    const losses = image.losses + 1;
    if (losses > retries) return this.#fail({ ...image, losses }, `lost ${losses} times; the last time: ${why}`);
    display.again(this.#change(image, { state: "waiting", losses, reason: why }));
  }

  #finish(image: ImageRecord): void {
    const { reason: _, ...rest } = image;
    const changed = this.#change(rest, { state: "done", durationMs: durationOf(image) });
    this.#options.display.over(changed);
  }

  #fail(image: ImageRecord, reason: string): void {
    this.#options.display.over(this.#change(image, { state: "failed", reason, durationMs: durationOf(image) }));
  }

  #onMessage(event: MessageEvent): void {
    let progress: ReturnType<typeof parseProgress>;
    try {
      progress = parseProgress(event.data);
    } catch {
      return;
    }
    const image = this.#images.get(progress.task_id.slice(0, progress.task_id.lastIndexOf("-")));
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

  /** Asks for offers when an image waits, and for none when not. */
  async #adjustDemand(): Promise<void> {
    const suppress = this.#stopping || this.#states.waiting.size === 0;
    const { scheduler } = this.#options;
    // While the bridge is away there is nobody to tell; the next attachment begins with this again.
    if (this.#suppressed === suppress || this.over || !scheduler.attached) return;
    if (await this.#try(() => (suppress ? scheduler.suppressOffers() : scheduler.reviveOffers()))) {
      this.#suppressed = suppress;
    }
  }

  /** A call that fails is told, and no reason to end: what matters is asked for again with one of the next events. */
  async #try(call: () => Promise<void>): Promise<boolean> {
    try {
      await call();
      return true;
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      if (!this.#stopping) this.#options.display.note(error.message);
      return false;
    }
  }

  /** The executor names images by their URLs, which are of no use to people and hold tokens. */
  #inWords(image: ImageRecord, message: string): string {
    if (this.#server === undefined) return message;
    return message
      .replace(`${inputUrlOf(image, this.#server)}: `, "")
      .replaceAll(inputUrlOf(image, this.#server), image.name)
      .replaceAll(this.#server.resultUrl(image.id, image.token), "mesos-invert");
  }

  #change(image: ImageRecord, changes: Partial<ImageRecord>): ImageRecord {
    const changed = { ...image, ...changes };
    this.#store([changed]);
    return changed;
  }

  #store(images: readonly ImageRecord[]): void {
    this.#options.ledger.saveImages(images);
    for (const image of images) {
      const before = this.#images.get(image.id);
      if (before !== undefined) this.#states[before.state].delete(image.id);
      this.#images.set(image.id, image);
      this.#states[image.state].set(image.id, image);
    }
  }
}

/** After these the agent's executor is gone, or is not the one that we take it for. */
const ENDS_EXECUTOR: ReadonlySet<TaskStatus_Reason | undefined> = new Set([
  TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
  TaskStatus_Reason.REASON_EXECUTOR_UNREGISTERED,
  TaskStatus_Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
  TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED,
  TaskStatus_Reason.REASON_TASK_INVALID,
  TaskStatus_Reason.REASON_AGENT_REMOVED,
]);

/** True when the executor itself says that another try would end the same way: that is the image's own fault. */
function isFinal({ data }: TaskStatus): boolean {
  try {
    return parseFailure(data)?.retryable === false;
  } catch {
    return false;
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
