#!/usr/bin/env node
// The second step: a framework that launches tasks, and sees each of them end. The tasks do nothing.

import { randomBytes } from "node:crypto";
import type { Offer, TaskInfo, TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import type { DeepPartial } from "../library/deepPartial.js";
import { BridgeError } from "../library/errors.js";
import {
  type CommonOptions,
  checkStandby,
  endOnInterrupt,
  handOverOnInterrupt,
  mesosTroubleLine,
  runProgram,
  schedulerCommand,
  schedulerOptions,
  standbyOption,
  wholeNumber,
} from "../library/program.js";
import { amounts, ResourcePool } from "../library/resources.js";
import { Scheduler } from "../library/scheduler.js";
import { describeStatus, taskOutcome } from "../library/taskOutcome.js";

const command = schedulerCommand(
  "empty-tasks",
  "Launches tasks that do nothing on Mesos through the bridge, and waits until they finish. Exits with 0 if all did.",
  "node dist/clients/typescript/empty-tasks/main.js --bridge 127.0.0.1:50051 --tasks 10",
  `empty-tasks-${randomBytes(4).toString("hex")}`,
)
  .option("--tasks <n>", "how many tasks", wholeNumber(1), 5)
  .option("--command <command>", "the shell command of each task", "true")
  .addOption(standbyOption())
  .option("--retries <n>", "how often to launch a task again that Mesos lost", wholeNumber(0), 3)
  .option("--give-up-after <seconds>", "exit when the bridge has been unreachable for this long", wholeNumber(0), 60);

type Options = CommonOptions & { tasks: number; command: string; standby?: true; retries: number; giveUpAfter: number };

/** What one task needs: a tenth of a CPU and 32 MB. */
const NEEDS = amounts(0.1, 32);
/** Unused resources are refused for a while: the framework asks when it needs more. */
const REFUSE_SECONDS = 600;
/** Why an offer was not used, through no fault of the tasks. Superseded is an error of the whole program unless it stands by. */
const UNUSED: ReadonlySet<string> = new Set(["OFFER_GONE", "ATTACHMENT_SUPERSEDED"]);
/** If an update was lost, Mesos reports the task's state only on request. */
const RECONCILE_MS = 30_000;

/** One of the tasks to run; `taskId` is that of its last launch. */
interface EmptyTask {
  number: number;
  attempts: number;
  taskId?: string;
}

class EmptyTasks {
  readonly #scheduler: Scheduler;
  readonly #command: string;
  readonly #retries: number;
  /** Distinguishes the task ids of this run from those of earlier ones of the same framework. */
  readonly #run = Date.now().toString(36);
  #waiting: EmptyTask[];
  readonly #running = new Map<string, EmptyTask>();
  finished = 0;
  failed = 0;

  constructor(scheduler: Scheduler, { tasks, command, retries }: Options) {
    this.#scheduler = scheduler;
    this.#command = command;
    this.#retries = retries;
    this.#waiting = Array.from({ length: tasks }, (_, i) => ({ number: i + 1, attempts: 0 }));
  }

  get done(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0;
  }

  async onOffer(offer: Offer): Promise<void> {
    const pool = new ResourcePool(offer.resources);
    const tasks: DeepPartial<TaskInfo>[] = [];
    const launched: EmptyTask[] = [];
    for (let task = this.#waiting[0]; task !== undefined; task = this.#waiting[0]) {
      const resources = pool.take(NEEDS);
      if (resources === undefined) break;
      this.#waiting.shift();
      const taskId = `empty-${this.#run}-${task.number}-${++task.attempts}`;
      this.#running.set(taskId, { ...task, taskId });
      launched.push(task);
      const name = `empty task ${task.number}`;
      tasks.push({
        name,
        taskId: { value: taskId },
        agentId: offer.agentId,
        resources,
        command: { shell: true, value: this.#command },
      });
    }
    const offerId = offer.id?.value ?? "";
    if (tasks.length === 0) return await this.#scheduler.declineOffers([offerId], REFUSE_SECONDS);
    await this.#launch(offerId, tasks, launched);
  }

  async #launch(offerId: string, tasks: DeepPartial<TaskInfo>[], launched: EmptyTask[]): Promise<void> {
    try {
      await this.#scheduler.launchTasks({
        offerIds: [{ value: offerId }],
        tasks,
        filters: { refuseSeconds: REFUSE_SECONDS },
      });
      console.log(`launched ${tasks.length} on agent ${tasks[0]?.agentId?.value}`);
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      // Perhaps they run: then an update comes, or the answer to a reconciliation.
      if (error.outcomeUnknown) return await this.reconcile();
      // Nothing was launched. It is not the tasks' fault that an offer is gone, or that another instance took over; more
      // offers come by themselves.
      if (!UNUSED.has(error.reason)) throw error;
      for (const { taskId } of tasks) this.#running.delete(taskId?.value ?? "");
      for (const task of launched) task.attempts--;
      this.#waiting = [...launched, ...this.#waiting];
    }
  }

  async onUpdate(status: TaskStatus): Promise<void> {
    const taskId = status.taskId?.value ?? "";
    const task = this.#running.get(taskId);
    const outcome = taskOutcome(status);
    if (task === undefined || outcome === "active") return;
    this.#running.delete(taskId);
    if (outcome === "finished") {
      this.finished++;
      console.log(`task ${task.number} finished`);
    } else if (outcome === "lost" && task.attempts <= this.#retries) {
      console.log(`task ${task.number} is launched again: ${describeStatus(status)}`);
      this.#waiting.push(task);
      await this.#scheduler.reviveOffers();
    } else {
      this.failed++;
      console.log(`task ${task.number} failed: ${describeStatus(status)}`);
    }
  }

  /** Asks what became of the tasks that should run. The answers are updates. */
  async reconcile(): Promise<void> {
    const tasks = [...this.#running.keys()].map((value) => ({ taskId: { value } }));
    if (tasks.length > 0) await this.#scheduler.reconcileTasks(tasks);
  }
}

async function main(): Promise<number> {
  const options = command.opts<Options>();
  checkStandby(command);
  const scheduler = new Scheduler({
    ...schedulerOptions(options),
    log: console.error,
    replaceRemoved: true,
    expiry: "teardown",
    giveUpAfterMs: options.giveUpAfter * 1000,
    standby: options.standby ?? false,
  });
  const tasks = new EmptyTasks(scheduler, options);
  const interrupted = options.standby ? handOverOnInterrupt(scheduler) : endOnInterrupt(scheduler);
  let wasActive = false;
  const timer = setInterval(() => {
    // One that stands by asks when its next turn comes.
    if (options.standby && !scheduler.attached) return;
    tasks.reconcile().catch((error: Error) => console.error(error.message));
  }, RECONCILE_MS);
  try {
    for await (const event of scheduler.events()) {
      const trouble = mesosTroubleLine(event);
      if (trouble !== undefined) console.error(trouble);
      if (event.kind === "standby") console.error("standing by");
      if (event.kind === "opened") wasActive = true;
      if (event.kind === "offers") for (const offer of event.offers) await tasks.onOffer(offer);
      if (event.kind === "update") await tasks.onUpdate(event.status);
      // What happened meanwhile was perhaps not seen.
      const isNewTurn = event.kind === "opened" && !event.resumed;
      if (event.kind === "gap" || event.kind === "subscribed" || isNewTurn) await tasks.reconcile();
      if (tasks.done) break;
    }
    if (tasks.done) await scheduler.teardown();
  } catch (error) {
    // A call that was in progress when the framework was ended is not a separate error.
    if (!interrupted()) throw error;
  } finally {
    clearInterval(timer);
    await scheduler.close();
  }
  if (options.standby && !wasActive && !interrupted()) {
    console.log("another instance has ended the framework");
    return 0;
  }
  console.log(`${tasks.finished} of ${options.tasks} finished, ${tasks.failed} failed`);
  return tasks.finished === options.tasks ? 0 : 1;
}

await runProgram(command, main);
