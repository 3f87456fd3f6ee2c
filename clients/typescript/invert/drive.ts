import { BridgeError } from "../library/errors.js";
import type { Scheduler } from "../library/scheduler.js";
import type { Batch } from "./batch.js";
import { missing } from "./connection.js";
import { count, type Display } from "./display.js";
import type { Interrupts } from "./interrupts.js";
import type { Ledger } from "./ledger.js";
import { Patience } from "./patience.js";

/** If an update was lost, Mesos reports the task's state only on request. Failed calls must be repeated, too. */
const REMIND_MS = 30_000;
/** How long an interrupted batch waits for its tasks to be killed, in ms; the teardown kills what is left. */
const STOP_MS = 5_000;
const TEARDOWN_MS = 10_000;
const ONCE_MORE = "once more ends at once";

export interface DriveOptions {
  batch: Batch;
  scheduler: Scheduler;
  ledger: Ledger;
  display: Display;
  interrupts: Interrupts;
}

/** Drives a batch to its end: reads the events, ends the framework, and sees to interrupts. */
export class Drive {
  readonly #options: DriveOptions;
  #stopTimer: NodeJS.Timeout | undefined;
  #ending: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(options: DriveOptions) {
    this.#options = options;
  }

  /** Ends the drive with that error; tasks run on. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#options.batch.abandon();
    this.#options.scheduler.close(0).catch(() => undefined);
  }

  /** @throws BridgeError when the bridge refuses, or was away for too long; the error of `fail` */
  async run(): Promise<void> {
    const { batch, scheduler, display, interrupts } = this.#options;
    const patience = new Patience({
      hindrance: () => batch.hindrance(),
      alsoSlow: (nowMs) => batch.slowStarts(nowMs),
      note: (line) => display.note(line),
    });
    const timer = setInterval(() => this.#inBackground(batch.remind()), REMIND_MS);
    try {
      await interrupts.during(
        () => this.#onInterrupt(),
        () => this.#readEvents(),
      );
      await this.#ending;
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      clearInterval(timer);
      clearTimeout(this.#stopTimer);
      patience.stop();
      await scheduler.close();
    }
  }

  async #readEvents(): Promise<void> {
    const { batch, scheduler } = this.#options;
    for await (const event of scheduler.events()) {
      await batch.onEvent(event);
      if (batch.over) break;
    }
    if (batch.over && !batch.abandoned) await this.#end();
  }

  /** Ends the framework, once. */
  #end(): Promise<void> {
    this.#ending ??= this.#endFramework();
    return this.#ending;
  }

  async #endFramework(): Promise<void> {
    const { batch, scheduler, ledger, display } = this.#options;
    const { run } = ledger;
    try {
      await scheduler.teardown({ deadlineMs: TEARDOWN_MS });
      batch.tornDown();
      if (run !== undefined) ledger.saveRun({ ...run, frameworkOpen: false });
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      display.note(`the framework could not be ended: ${error.message}`);
      // Its events would never end.
      await scheduler.close(0);
    }
  }

  /** Kills the tasks, so that the end is in order; without a bridge there is nothing to do but to leave. */
  #onInterrupt(): void {
    const { batch, scheduler, display } = this.#options;
    const tasks = count(batch.running, "task");
    const lacking = missing(batch.connection);
    if (!scheduler.attached || (lacking !== undefined && batch.running === 0)) {
      const why = lacking ?? "the bridge is away";
      display.note(batch.running > 0 ? `interrupted: ${tasks} can't be killed: ${why}` : `interrupted: ${why}`);
      batch.abandon();
      this.#inBackground(scheduler.close(0));
    } else if (lacking !== undefined) {
      const wait = `waiting up to ${TEARDOWN_MS / 1000} s for a master, to kill ${tasks}`;
      display.note(`interrupted: ${wait} (${lacking}); ${ONCE_MORE}`);
      batch.abandon();
      this.#inBackground(this.#end());
    } else {
      display.note(`interrupted: killing ${tasks}; ${ONCE_MORE}, and leaves them`);
      this.#stopTimer = setTimeout(() => this.#inBackground(this.#end()), STOP_MS);
      this.#inBackground(this.#stop());
    }
  }

  async #stop(): Promise<void> {
    const { batch } = this.#options;
    await batch.stop();
    if (batch.over) await this.#end();
  }

  /** What goes wrong there ends the drive as if it had gone wrong in it. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.fail(error));
  }
}
