import { type Offer, TaskState, type TaskStatus, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";
import type { BridgeError } from "../library/errors.js";
import type { SchedulerEvent } from "../library/events.js";
import { LaunchBackoff } from "../library/launchBackoff.js";
import { PATIENT_CALL as CALL, PatientCalls } from "../library/patientCalls.js";
import { type Agent, agentOf } from "../library/placement.js";
import { Reconciliation } from "../library/reconciliation.js";
import type { Scheduler } from "../library/scheduler.js";
import { describeStatus, taskOutcome } from "../library/taskOutcome.js";
import type { App } from "./app.js";
import { type Placement, place, taskInfo } from "./launch.js";
import { isAgentsFault, parseTaskId, passes, plan, type Task } from "./plan.js";

/** An app that waits for an offer says why after so long. */
const PATIENCE_MS = 5_000;
const RECONCILE_MS = 30_000;
const FILTERS = { refuseSeconds: 5 };
const GOES_ON = "what runs keeps running";

/** Holds the tasks of a framework against its apps. Its methods are called one after the other. */
export class Supervisor {
  apps: readonly App[] = [];
  readonly tasks = new Map<string, Task>();
  /** Why apps wait for offers, by name. */
  readonly waits = new Map<string, { why: string; sinceMs: number; told: Set<string> }>();
  readonly #say: (line: string) => void;
  readonly #calls: PatientCalls;
  readonly #reconciliation: Reconciliation;
  readonly #backoff = new LaunchBackoff();
  readonly #agents = new Map<string, Agent>();

  constructor(scheduler: Scheduler, say: (line: string) => void) {
    this.#say = say;
    this.#calls = new PatientCalls(scheduler, say);
    this.#reconciliation = new Reconciliation(scheduler, RECONCILE_MS);
  }

  /** Whether it is certain that no task is left. */
  get empty(): boolean {
    return this.#reconciliation.complete && this.tasks.size === 0;
  }

  async onEvent(event: SchedulerEvent): Promise<void> {
    this.#calls.onEvent(event);
    if (["opened", "subscribed", "gap"].includes(event.kind)) this.#reconciliation.soon();
    if (event.kind === "update") this.#onUpdate(event.status);
    if (event.kind === "offers") await this.act(event.offers);
  }

  /** Does what there is to do now. */
  async act(offers: readonly Offer[] = []): Promise<void> {
    if (!this.#calls.possible) return;
    const [nowMs, own] = [Date.now(), this.tasks.values()];
    if (this.#reconciliation.isDue(nowMs)) await this.#calls.try(() => this.#reconciliation.ask(own, nowMs, CALL));
    for (const offer of offers) this.#agents.set(offer.agentId?.value ?? "", agentOf(offer));
    const tasks = this.#reconciliation.complete ? [...this.tasks.values()] : undefined;
    const isWaiting = ({ name, hash }: App) => this.#backoff.isWaiting(name, hash, nowMs);
    const { kills, wanted } = plan(this.apps, tasks, isWaiting, nowMs);
    for (const task of kills) await this.#kill(task);
    const { placed, waits } = place(wanted, offers, tasks ?? [], this.#agents, nowMs);
    for (const { id } of offers) {
      const here = placed.get(id?.value ?? "") ?? [];
      if (here.length > 0) await this.#launch(here);
      else await this.#calls.try((it) => it.declineOffers([id?.value ?? ""], FILTERS.refuseSeconds, CALL));
    }
    // What others were refused a moment ago is just right for one more, perhaps.
    const more = [...waits.keys()].some((name) => !this.waits.has(name));
    this.#tellWaits(waits, offers.length > 0, nowMs);
    await this.#calls.demand(waits.size > 0, more);
  }

  #onUpdate(status: TaskStatus): void {
    this.#reconciliation.onUpdate(status);
    const id = status.taskId?.value ?? "";
    const parsed = parseTaskId(id);
    if (parsed === undefined) return;
    const before = this.tasks.get(id);
    if (taskOutcome(status) !== "active") return before && this.#onEnd(before, status);
    // One that is to be killed and still runs when that is asked is killed once more.
    const dying = before?.state === "killing" && status.reason !== TaskStatus_Reason.REASON_RECONCILIATION;
    const state = dying ? "killing" : status.state === TaskState.TASK_RUNNING ? "running" : "staged";
    const [agentId = "", healthy = before?.healthy] = [status.agentId?.value, status.healthy];
    this.tasks.set(id, { ...parsed, id, agentId, state, healthy });
    const name = `${parsed.app}.${parsed.index}`;
    if (state === "running" && (before?.state ?? "staged") === "staged") this.#say(`${name} runs as ${id}`);
    if (healthy === before?.healthy) return;
    const at = this.apps.find((app) => app.name === parsed.app)?.at ?? `${name}: `;
    this.#say(healthy ? `${name} passes its health check` : `${at}healthChecks[0]: ${name} fails it; ${GOES_ON}`);
  }

  #onEnd(task: Task, status: TaskStatus): void {
    this.tasks.delete(task.id);
    const failed = task.state !== "killing" && !isAgentsFault(status);
    const app = failed ? this.apps.find(({ name, hash }) => name === task.app && hash === task.hash) : undefined;
    const how = task.state === "killing" ? `is killed: ${task.id}` : `has ended: ${describeStatus(status)}`;
    this.#say(`${task.app}.${task.index} ${how}${app === undefined ? "" : this.#delay(app, task.attempt)}`);
  }

  /** Makes an app wait before its next launch. Gives that in words. */
  #delay({ name, hash, ...pace }: App, attempt: number): string {
    const nowMs = Date.now();
    const delayMs = this.#backoff.failed(name, hash, pace, nowMs - attempt, nowMs);
    return `; launched again after ${(delayMs / 1000).toFixed(1)} s`;
  }

  async #kill(task: Task): Promise<void> {
    const { id, agentId, state } = task;
    task.state = "killing";
    const request = { taskId: { value: id }, agentId: { value: agentId } };
    if (!(await this.#calls.try((it) => it.killTask(request, CALL)))) task.state = state;
  }

  /** Launches on one offer. */
  async #launch(placements: readonly Placement[]): Promise<void> {
    for (const { task, offer } of placements) {
      this.tasks.set(task.id, task);
      this.#say(`${task.app}.${task.index} is launched on ${offer.hostname}: ${task.id}`);
    }
    const offerIds = placements.slice(0, 1).map(({ offer }) => offer.id ?? {});
    const launch = { offerIds, tasks: placements.map(taskInfo), filters: FILTERS };
    const onFailed = (error: BridgeError) => {
      // Perhaps they run: the answer to a question tells.
      if (error.outcomeUnknown) return this.#reconciliation.soon();
      for (const { task, app } of placements) {
        this.tasks.delete(task.id);
        // An immediate retry would not fix it.
        if (!error.retryable && error.reason !== "OFFER_GONE") this.#delay(app, task.attempt);
      }
    };
    await this.#calls.try((it) => it.launchTasks(launch, CALL), onFailed);
  }

  /** Notes why apps wait, and says so, once for each reason. What offers say is more than that there are none. */
  #tellWaits(waits: ReadonlyMap<string, string>, offered: boolean, nowMs: number): void {
    for (const name of this.waits.keys()) if (!waits.has(name)) this.waits.delete(name);
    for (const [name, why] of waits) {
      const wait = this.waits.get(name) ?? { why: `${name}: no offers come`, sinceMs: nowMs, told: new Set() };
      if (offered) wait.why = why;
      this.waits.set(name, wait);
      if (nowMs - wait.sinceMs < PATIENCE_MS || wait.told.has(wait.why)) continue;
      wait.told.add(wait.why);
      this.#say(`${wait.why}; ${GOES_ON}`);
    }
  }

  /** Rows of a table that shows how apps stand, with a head. */
  overview(): string[][] {
    const rows = this.apps.map((app) => {
      const all = [...this.tasks.values()].filter((task) => task.app === app.name);
      const own = all.filter(({ hash, state }) => hash === app.hash && state !== "killing");
      const ready = own.filter((task) => passes(app, task));
      const counts = [app.instances, own.length, ready.length, all.length - own.length];
      return [app.id, app.hash, ...counts.map(String), this.waits.get(app.name)?.why ?? ""];
    });
    return [["APP", "VERSION", "WANTED", "LAUNCHED", "READY", "OLD", "WAITS FOR"], ...rows];
  }
}
