import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { buildExecutorArchive } from "../../../executor/archive.js";
import { BridgeError } from "../library/errors.js";
import { schedulerOptions, UsageError } from "../library/program.js";
import { amounts } from "../library/resources.js";
import { Scheduler } from "../library/scheduler.js";
import { Batch } from "./batch.js";
import { count, createDisplay, type Display } from "./display.js";
import { Drive } from "./drive.js";
import { Executors } from "./executors.js";
import type { Unusable } from "./folderImages.js";
import { lockFolder } from "./folderLock.js";
import type { ImageRecord } from "./image.js";
import { collectInputs } from "./inputs.js";
import { Interrupts } from "./interrupts.js";
import { Ledger } from "./ledger.js";
import { frameworkNameOf, type InvertOptions } from "./options.js";
import { planImages } from "./plan.js";
import { INCOMING_FOLDER } from "./receiveResult.js";
import { ResultNames } from "./resultNames.js";
import { serveBatch } from "./serve.js";
import { makeGallery, summarize, warnOf } from "./summary.js";

/** Mesos keeps the tasks of a batch that died for so long, in seconds. */
const FAILOVER_SECONDS = 86_400;
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
  const interrupts = new Interrupts();
  // A closed terminal, or a reader that went away, must not end the batch.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  try {
    const ledger = Ledger.open(options.output);
    try {
      const names = new ResultNames([...readdirSync(options.output), ...reservedNames(ledger)]);
      const images = planImages(inputs, ledger.images, names, options.output);
      return await new Run(options, ledger, images, unusable, interrupts).run();
    } finally {
      await ledger.close();
    }
  } finally {
    interrupts.close();
    unlock();
  }
}

function reservedNames(ledger: Ledger): string[] {
  return [...ledger.images.values()].map(({ resultName }) => resultName);
}

class Run {
  readonly #options: InvertOptions;
  readonly #frameworkName: string;
  readonly #ledger: Ledger;
  readonly #unusable: readonly Unusable[];
  readonly #interrupts: Interrupts;
  readonly #startMs = Date.now();
  #images: readonly ImageRecord[];

  constructor(
    options: InvertOptions,
    ledger: Ledger,
    images: readonly ImageRecord[],
    unusable: readonly Unusable[],
    interrupts: Interrupts,
  ) {
    this.#options = options;
    this.#frameworkName = frameworkNameOf(options, ledger.run);
    this.#ledger = ledger;
    this.#images = images;
    this.#unusable = unusable;
    this.#interrupts = interrupts;
  }

  async run(): Promise<number> {
    const total = this.#images.length;
    const doneBefore = this.#images.filter(({ state }) => state === "done").length;
    const found = this.#images.filter(({ state }) => state === "launched").length;
    if (doneBefore + found > 0)
      console.error(`going on: ${doneBefore} of ${total} done before, ${found} may still run`);
    const display = createDisplay(total, doneBefore, process.stderr);
    try {
      return await this.#runWith(display, doneBefore === total);
    } finally {
      display.close();
    }
  }

  /** Whatever ends the batch, the gallery shows what was done until then. */
  async #runWith(display: Display, allDone: boolean): Promise<number> {
    let failure: unknown;
    if (allDone && this.#ledger.run?.frameworkOpen !== true) this.#ledger.saveImages(this.#images);
    else failure = await this.#runBatch(display).catch((error: unknown) => this.#explain(error));
    if (failure instanceof UsageError) throw failure;
    const totalMs = Date.now() - this.#startMs;
    const content = { images: this.#images, unusable: this.#unusable, output: this.#options.output, totalMs };
    const gallery = await makeGallery(content, display, this.#interrupts);
    display.close();
    const status = summarize(content, gallery, this.#interrupts.interrupted);
    if (failure !== undefined) throw failure;
    return status;
  }

  /** An error that a retry could fix ends the batch only after enough attempts. */
  #explain(error: unknown): unknown {
    if (!(error instanceof BridgeError) || !error.retryable) return error;
    const { bridge, giveUpAfter } = this.#options;
    const text = `gave up after ${giveUpAfter} s without the bridge at ${bridge}: ${error.message}`;
    return new BridgeError(error.code, text, { reason: error.reason, cause: error });
  }

  async #runBatch(display: Display): Promise<void> {
    const options = this.#options;
    const scheduler = this.#createScheduler();
    const batch = this.#createBatch(scheduler, display);
    const archive = await buildExecutorArchive();
    const note = (line: string) => display.note(line);
    const ledger = this.#ledger;
    const drive = new Drive({ batch, scheduler, ledger, display, interrupts: this.#interrupts });
    const frameworkName = this.#frameworkName;
    const onUnwritable = (error: unknown) => drive.fail(error);
    const server = await serveBatch({ options, frameworkName, batch, archive, ledger, note, onUnwritable });
    try {
      const program = { archiveUrl: server.archiveUrl, command: archive.command };
      batch.connect(server, new Executors(ledger, program, (agent, executor) => batch.isBusy(agent, executor)));
      await ledger.stored();
      await drive.run();
    } finally {
      this.#images = batch.images;
      await server.close();
      rmSync(join(options.output, INCOMING_FOLDER), { recursive: true, force: true });
    }
  }

  #createScheduler(): Scheduler {
    const { user, role, giveUpAfter } = this.#options;
    const common = schedulerOptions({ ...this.#options, frameworkName: this.#frameworkName });
    return new Scheduler({
      ...common,
      frameworkInfo: { ...common.frameworkInfo, user, roles: [role], failoverTimeout: FAILOVER_SECONDS },
      replaceRemoved: true,
      beforeAcknowledging: () => this.#ledger.stored(),
      giveUpAfterMs: giveUpAfter * 1000,
    });
  }

  #createBatch(scheduler: Scheduler, display: Display): Batch {
    const { taskCpus, taskMem, executorCpus, executorMem, retries, output, role } = this.#options;
    return new Batch(this.#images, {
      scheduler,
      ledger: this.#ledger,
      display,
      output,
      needs: { task: amounts(taskCpus, taskMem), executor: amounts(executorCpus, executorMem) },
      describeNeeds:
        `a task needs ${taskCpus} CPUs and ${taskMem} MB, and an agent's first one ${executorCpus} CPUs and ` +
        `${executorMem} MB more`,
      demand: `the framework ${this.#frameworkName} in the role ${role}`,
      retries,
      limits: {
        max_input_bytes: Math.ceil(this.#options.maxInputMb * MIB),
        max_pixels: Math.ceil(this.#options.maxMegapixels * 1e6),
        timeout_seconds: this.#options.timeout,
      },
    });
  }
}
