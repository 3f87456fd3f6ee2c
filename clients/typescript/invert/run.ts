import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildExecutorArchive, type ExecutorArchive } from "../../../executor/archive.js";
import { BridgeError } from "../library/errors.js";
import { schedulerOptions, UsageError } from "../library/program.js";
import { amounts } from "../library/resources.js";
import { Scheduler } from "../library/scheduler.js";
import { Batch } from "./batch.js";
import { createDisplay, type Display, printable, seconds } from "./display.js";
import { Executors } from "./executors.js";
import { FileServer } from "./fileServer.js";
import type { Unusable } from "./folderImages.js";
import { lockFolder } from "./folderLock.js";
import { writeGallery } from "./gallery.js";
import type { ImageRecord } from "./image.js";
import { collectInputs } from "./inputs.js";
import { Ledger, type RunRecord } from "./ledger.js";
import { advertisedHost, type InvertOptions } from "./options.js";
import { newToken, planImages } from "./plan.js";
import { INCOMING_FOLDER } from "./receiveResult.js";
import { ResultNames } from "./resultNames.js";

/** Mesos tells what became of a task whose update was lost only to who asks. */
const RECONCILE_MS = 30_000;
/** How long an interrupted batch waits for its tasks to be killed, in ms; the teardown kills what is left. */
const STOP_MS = 5_000;
const TEARDOWN_MS = 10_000;
/** Mesos keeps the tasks of a batch that died for so long, in seconds. */
const FAILOVER_SECONDS = 86_400;
const INTERRUPTED = 130;
/** So many entries that can't be used are named at the start. */
const MAX_WARNINGS = 10;
const MIB = 1024 * 1024;

/**
 * Inverts the images that the arguments name.
 *
 * @returns the exit status
 * @throws UsageError for what can't be used
 */
export async function invert(named: readonly string[], options: InvertOptions): Promise<number> {
  const { inputs, duplicates, unusable } = await collectInputs(named, options);
  if (duplicates > 0) console.error(`${count(duplicates, "image")} named twice: inverted once`);
  warnOf(unusable);
  const unlock = lockFolder(options.output);
  try {
    const ledger = Ledger.open(options.output);
    try {
      const names = new ResultNames([...readdirSync(options.output), ...reservedNames(ledger)]);
      const images = planImages(inputs, ledger.images, names, options.output);
      return await new Run(options, ledger, images, unusable).run();
    } finally {
      ledger.close();
    }
  } finally {
    unlock();
  }
}

/** At the start a few lines are enough: the end tells of all. */
function warnOf(unusable: readonly Unusable[]): void {
  for (const each of unusable.slice(0, MAX_WARNINGS)) console.error(leftOut(each));
  const more = unusable.length - MAX_WARNINGS;
  if (more > 0) console.error(`and ${more} more, which the end of the output names`);
}

function leftOut({ name, problem }: Unusable): string {
  return `left out: ${printable(`${name} ${problem}`)}`;
}

function reservedNames(ledger: Ledger): string[] {
  return [...ledger.images.values()].map(({ resultName }) => resultName);
}

class Run {
  readonly #options: InvertOptions;
  readonly #ledger: Ledger;
  readonly #images: readonly ImageRecord[];
  readonly #unusable: readonly Unusable[];
  readonly #startMs = Date.now();
  #interrupted = false;
  #tearingDown: Promise<void> | undefined;

  constructor(options: InvertOptions, ledger: Ledger, images: readonly ImageRecord[], unusable: readonly Unusable[]) {
    this.#options = options;
    this.#unusable = unusable;
    this.#ledger = ledger;
    this.#images = images;
  }

  async run(): Promise<number> {
    const run = this.#checkFramework();
    const doneBefore = this.#images.filter(({ state }) => state === "done").length;
    const found = this.#images.filter(({ state }) => state === "launched").length;
    if (doneBefore + found > 0) {
      console.error(`going on: ${doneBefore} of ${this.#images.length} done before, ${found} may still run`);
    }
    if (doneBefore === this.#images.length && run?.frameworkOpen !== true) {
      this.#ledger.saveImages(this.#images);
      return await this.#finish(this.#images);
    }
    const display = createDisplay(this.#images.length, doneBefore, process.stderr);
    let batch: Batch | undefined;
    try {
      batch = await this.#runBatch(display, run);
    } finally {
      display.close();
    }
    return await this.#finish(batch.images);
  }

  /** The tasks of another framework could neither be found again nor killed. */
  #checkFramework(): RunRecord | undefined {
    const { run } = this.#ledger;
    const { frameworkName } = this.#options;
    if (run?.frameworkOpen && run.frameworkName !== frameworkName) {
      throw new UsageError(
        `this output folder belongs to the framework ${run.frameworkName}: give that as --framework-name, ` +
          "or choose another --output",
      );
    }
    return run;
  }

  async #runBatch(display: Display, before: RunRecord | undefined): Promise<Batch> {
    const options = this.#options;
    const { taskCpus, taskMem, executorCpus, executorMem, retries, user, role } = options;
    const common = schedulerOptions(options);
    const scheduler = new Scheduler({
      ...common,
      frameworkInfo: { ...common.frameworkInfo, user, roles: [role], failoverTimeout: FAILOVER_SECONDS },
      replaceRemoved: true,
    });
    const batch = new Batch(this.#images, {
      scheduler,
      ledger: this.#ledger,
      display,
      output: options.output,
      needs: { task: amounts(taskCpus, taskMem), executor: amounts(executorCpus, executorMem) },
      retries,
      limits: {
        max_input_bytes: Math.ceil(options.maxInputMb * MIB),
        max_pixels: Math.ceil(options.maxMegapixels * 1e6),
        timeout_seconds: options.timeout,
      },
    });
    const archive = await buildExecutorArchive();
    const server = await this.#serve(batch, archive, before, display);
    try {
      const program = { archiveUrl: server.archiveUrl, command: archive.command };
      const executors = new Executors(this.#ledger, program, (agent, executor) => batch.isBusy(agent, executor));
      batch.connect(server, executors);
      await this.#drive(batch, scheduler, display);
      return batch;
    } finally {
      await scheduler.close();
      await server.close();
      rmSync(join(options.output, INCOMING_FOLDER), { recursive: true, force: true });
    }
  }

  /** Serves where the process before did, if that can be: what still runs puts its results there. */
  async #serve(
    batch: Batch,
    archive: ExecutorArchive,
    before: RunRecord | undefined,
    display: Display,
  ): Promise<FileServer> {
    const { serveHost, servePort, output, maxResultMb, frameworkName } = this.#options;
    const archiveToken = before?.archiveToken ?? newToken();
    const start = (port: number) =>
      FileServer.start({
        bindHost: serveHost,
        port,
        advertisedHost: advertisedHost(this.#options),
        archive: { ...archive, token: archiveToken },
        folder: output,
        maxResultBytes: Math.ceil(maxResultMb * MIB),
        findImage: (id) => {
          const image = batch.find(id);
          if (image === undefined) return undefined;
          const inputPath = image.kind === "file" ? image.key : undefined;
          return { token: image.token, inputPath, hasResult: image.result !== undefined };
        },
        onResult: (id, result) => batch.onResult(id, result),
      });
    const server = await startSomewhere(start, servePort, before?.port ?? 0, display);
    this.#ledger.saveRun({
      version: 1,
      frameworkName,
      bindHost: serveHost,
      port: server.port,
      advertisedHost: advertisedHost(this.#options),
      archiveToken,
      frameworkOpen: true,
    });
    return server;
  }

  async #drive(batch: Batch, scheduler: Scheduler, display: Display): Promise<void> {
    const stopListening = this.#onInterrupt(batch, scheduler, display);
    const timer = setInterval(() => {
      if (batch.lastUnfit !== undefined) display.note(this.#describeNeeds(batch.lastUnfit));
      if (scheduler.attached) void batch.reconcile();
    }, RECONCILE_MS);
    try {
      for await (const event of scheduler.events()) {
        await batch.onEvent(event);
        if (batch.over) break;
      }
      // Ended by itself after an interrupt without a bridge: then there is no one to tell.
      const away = this.#interrupted && !scheduler.attached;
      if (batch.over && !away) await this.#teardown(batch, scheduler, display);
      await this.#tearingDown;
    } finally {
      clearInterval(timer);
      stopListening();
    }
  }

  /** Ends the framework, once. */
  #teardown(batch: Batch, scheduler: Scheduler, display: Display): Promise<void> {
    this.#tearingDown ??= this.#endFramework(batch, scheduler, display);
    return this.#tearingDown;
  }

  async #endFramework(batch: Batch, scheduler: Scheduler, display: Display): Promise<void> {
    const { run } = this.#ledger;
    try {
      await scheduler.teardown({ deadlineMs: TEARDOWN_MS });
      batch.tornDown();
      if (run !== undefined) this.#ledger.saveRun({ ...run, frameworkOpen: false });
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      display.note(`the framework could not be ended: ${error.message}`);
    }
  }

  /** The first Ctrl-C kills the tasks, the second one ends the program at once. */
  #onInterrupt(batch: Batch, scheduler: Scheduler, display: Display): () => void {
    let timer: NodeJS.Timeout | undefined;
    const stop = () => {
      if (this.#interrupted) process.exit(INTERRUPTED);
      this.#interrupted = true;
      const running = batch.images.filter(({ state }) => state === "launched").length;
      if (!scheduler.attached) {
        display.note(`interrupted: the bridge is away, so ${count(running, "task")} can't be killed`);
        batch.abandon();
        void scheduler.close(0);
        return;
      }
      display.note(`interrupted: killing ${count(running, "task")}; once more ends at once, and leaves them`);
      const end = () => void this.#teardown(batch, scheduler, display);
      timer = setTimeout(end, STOP_MS);
      void batch.stop().then(() => (batch.over ? end() : undefined));
    };
    process.on("SIGINT", stop);
    process.on("SIGTERM", stop);
    return () => {
      clearTimeout(timer);
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
    };
  }

  async #finish(images: readonly ImageRecord[]): Promise<number> {
    const totalMs = Date.now() - this.#startMs;
    const unusable = this.#unusable;
    const gallery = await writeGallery({ images, unusable, output: this.#options.output, totalMs });
    const done = images.filter(({ state }) => state === "done").length;
    for (const { name, reason } of images.filter(({ state }) => state === "failed")) {
      console.log(`failed: ${printable(`${name}: ${reason}`)}`);
    }
    for (const each of unusable) console.log(leftOut(each));
    const open = images.filter(({ state }) => state === "waiting" || state === "launched").length;
    const rest = unusable.length > 0 ? `, ${unusable.length} left out` : "";
    console.log(`${done} of ${images.length} inverted in ${seconds(totalMs)}${rest}; see ${gallery}`);
    if (open > 0) console.log(`run the same command again to go on with the other ${count(open, "image")}`);
    if (done === images.length) return unusable.length === 0 ? 0 : 1;
    return this.#interrupted ? INTERRUPTED : 1;
  }

  #describeNeeds(agent: string): string {
    const { taskCpus, taskMem, executorCpus, executorMem } = this.#options;
    return (
      `waiting for a larger offer than the one of agent ${agent}: a task needs ${taskCpus} CPUs and ${taskMem} MB, ` +
      `and an agent's first one ${executorCpus} CPUs and ${executorMem} MB more`
    );
  }
}

/** Starts at the port that was asked for; else at that of the process before; else, when that is taken, at any. */
async function startSomewhere(
  start: (port: number) => Promise<FileServer>,
  asked: number,
  before: number,
  display: Display,
): Promise<FileServer> {
  try {
    return await start(asked || before);
  } catch (error) {
    if (asked !== 0 || before === 0) {
      throw new UsageError(`--serve-host, --serve-port: can't listen there: ${(error as Error).message}`);
    }
    display.note(`port ${before} is taken by another program: what still runs is launched again`);
    return await start(0);
  }
}

function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}
