import { type Offer, TaskState, type TaskStatus, TaskStatus_Reason } from "../../../gen/mesos/v1/mesos.js";
import type { SchedulerEvent } from "../library/events.js";
import { LaunchBackoff } from "../library/launchBackoff.js";
import { PATIENT_CALL as CALL, PatientCalls } from "../library/patientCalls.js";
import { type Agent, agentOf } from "../library/placement.js";
import { Reconciliation } from "../library/reconciliation.js";
import type { Scheduler } from "../library/scheduler.js";
import { describeState, isAgentsFault, taskOutcome } from "../library/taskOutcome.js";
import { Troubles } from "../library/troubles.js";
import { WaitReasons } from "../library/waitReasons.js";
import type { App } from "./app.js";
import { type Placement, place, taskInfo } from "./launch.js";
import { parseTaskId, passes, plan, type Task } from "./plan.js";

const FILTERS = { refuseSeconds: 5 };
const GOES_ON = "what runs keeps running";

/** Holds the tasks of a framework against its apps. Its methods are called one after the other. */
export class Supervisor {
  apps: readonly App[] = [];
  readonly tasks = new Map<string, Task>();
  readonly #say: (line: string) => void;
  readonly #calls: PatientCalls;
  readonly #reconciliation: Reconciliation;
  readonly #backoff = new LaunchBackoff();
  readonly #agents = new Map<string, Agent>();
  readonly #unhealthy = new Troubles();
  readonly #waits: WaitReasons;

  constructor(scheduler: Scheduler, say: (line: string) => void) {
    this.#say = say;
    this.#calls = new PatientCalls(scheduler, say);
    this.#reconciliation = new Reconciliation(scheduler);
    this.#waits = new WaitReasons((why) => say(`${why}; ${GOES_ON}`));
  }

  /** Whether it is certain that no task is left. */
  get empty(): boolean {
    return this.#reconciliation.complete && this.tasks.size === 0;
  }

  async onEvent(event: SchedulerEvent): Promise<void> {
    this.#calls.onEvent(event);
    this.#reconciliation.onEvent(event);
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
    for (const offer of offers) {
      const here = placed.get(offer.id?.value ?? "") ?? [];
      await (here.length > 0 ? this.#launch(offer, here) : this.#calls.decline(offer, FILTERS));
    }
    // What others were refused a moment ago is just right for one more, perhaps.
    const more = [...waits.keys()].some((name) => this.#waits.of(name) === undefined);
    this.#waits.note(waits, offers.length > 0, nowMs);
    await this.#calls.demand(waits.size > 0, more);
  }

  #onUpdate(status: TaskStatus): void {
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
    const isNews = healthy !== before?.healthy;
    if (!isNews || !this.#unhealthy.isNews(`${parsed.app}.${parsed.hash}`, healthy === true)) return;
    const at = this.apps.find((app) => app.name === parsed.app)?.at ?? `${name}: `;
    this.#say(healthy ? `${name} passes its health check` : `${at}healthChecks[0]: ${name} fails it; ${GOES_ON}`);
  }

  #onEnd(task: Task, status: TaskStatus): void {
    this.tasks.delete(task.id);
    const failed = task.state !== "killing" && !isAgentsFault(status);
    const app = failed ? this.apps.find(({ name, hash }) => name === task.app && hash === task.hash) : undefined;
    const how = task.state === "killing" ? `is killed: ${task.id}` : `has ended: ${describeState(status)}`;
    this.#say(`${task.app}.${task.index} ${how}${app === undefined ? "" : this.#delay(app, task.attempt)}`);
  }

  /** Makes an app wait before its next launch. Gives that in words. */
  #delay({ name, hash, ...pace }: App, attempt: number): string {
    const nowMs = Date.now();
    const delayMs = this.#backoff.failed(name, hash, pace, nowMs - attempt, nowMs);
    return `; launched again after ${(delayMs / 1000).toFixed(1)} s`;
  }

  async #kill(task: Task): Promise<void> {
    const { state } = task;
    task.state = "killing";
    if (!(await this.#calls.kill(task.id, task.agentId))) task.state = state;
  }

  async #launch(offer: Offer, placements: readonly Placement[]): Promise<void> {
    for (const { task } of placements) this.tasks.set(task.id, task);
    const outcome = await this.#calls.launch(offer, placements.map(taskInfo), FILTERS);
    for (const { task } of outcome === "launched" ? placements : []) {
      this.#say(`${task.app}.${task.index} is launched on ${offer.hostname}: ${task.id}`);
    }
    // The answer to a question says whether they run.
    if (outcome === "unknown") this.#reconciliation.soon();
    if (outcome === "launched" || outcome === "unknown") return;
    for (const { task, app } of placements) {
      this.tasks.delete(task.id);
      if (outcome === "refused") this.#delay(app, task.attempt);
    }
  }

  /** Rows of a table that shows how apps stand, with a head. */
  overview(): string[][] {
    const rows = this.apps.map((app) => {
      const all = [...this.tasks.values()].filter((task) => task.app === app.name);
      const own = all.filter(({ hash, state }) => hash === app.hash && state !== "killing");
      const ready = own.filter((task) => passes(app, task));
      const counts = [app.instances, own.length, ready.length, all.length - own.length];
      return [app.id, app.hash, ...counts.map(String), this.#waits.of(app.name) ?? ""];
    });
    return [["APP", "VERSION", "WANTED", "LAUNCHED", "READY", "OLD", "WAITS FOR"], ...rows];
  }
}
