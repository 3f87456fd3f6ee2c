import { performance } from "node:perf_hooks";
import type { Dispatcher } from "undici";
import type { Slots } from "../library/slots.js";
import { type TaskContext, TaskError, type TaskHandler, type TaskResult } from "../library/taskRun.js";
import { download } from "./download.js";
import { ImageError } from "./imageError.js";
import { type InvertedImage, invertImage } from "./invert.js";
import { encodeFailure, encodeProgress, encodeResult, type InvertJob, type InvertStage, parseJob } from "./job.js";
import { printableUrl, TransferError } from "./transferError.js";
import { upload } from "./upload.js";

/** Messages to the framework are best effort, and a progress bar needs no more. */
const PROGRESS_INTERVAL_MS = 250;

export interface InvertTaskOptions {
  /** For downloads and uploads. Whoever made it closes it. */
  dispatcher: Dispatcher;
  /** How many images are decoded at once: that needs processors and memory, while transfers wait for the network. */
  slots: Slots;
}

/** Makes the handler that fetches an image, inverts it and puts the result where the job says. */
export function invertTask(options: InvertTaskOptions): TaskHandler {
  return async (task, context) => {
    const job = readJob(task.data);
    context.running();
    return await new InvertRun(job, context, options).run();
  };
}

function readJob(data: Buffer | undefined): InvertJob {
  try {
    return parseJob(data);
  } catch (error) {
    const failure = encodeFailure({ version: 1, stage: "fetching", retryable: false });
    throw new TaskError(error instanceof Error ? error.message : String(error), failure, { cause: error });
  }
}

class InvertRun {
  readonly #job: InvertJob;
  readonly #context: TaskContext;
  readonly #options: InvertTaskOptions;
  /** Aborted when the task is, and when its time is up. */
  readonly #abort = new AbortController();
  readonly #deadline: number;
  readonly #milliseconds = { fetching: 0, inverting: 0, uploading: 0 };
  #stage: InvertStage = "fetching";
  #lastProgress = Number.NEGATIVE_INFINITY;
  #timedOut = false;

  constructor(job: InvertJob, context: TaskContext, options: InvertTaskOptions) {
    this.#job = job;
    this.#context = context;
    this.#options = options;
    this.#deadline = performance.now() + job.timeout_seconds * 1_000;
  }

  async run(): Promise<TaskResult> {
    const { signal } = this.#context;
    const cancel = () => this.#abort.abort(signal.reason);
    const timer = setTimeout(() => {
      this.#timedOut = true;
      this.#abort.abort(new Error("timed out"));
    }, this.#job.timeout_seconds * 1_000);
    signal.addEventListener("abort", cancel, { once: true });
    if (signal.aborted) cancel();
    try {
      return await this.#work();
    } catch (error) {
      throw this.#failure(error);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", cancel);
    }
  }

  async #work(): Promise<TaskResult> {
    const { dispatcher } = this.#options;
    const { input_url, output_url, max_input_bytes } = this.#job;
    const { signal } = this.#abort;
    const input = await this.#at("fetching", (onProgress) =>
      download(input_url, { dispatcher, signal, maxBytes: max_input_bytes, onProgress }),
    );
    const { data, info } = await this.#at("inverting", () => this.#invert(input));
    await this.#at("uploading", (onProgress) =>
      upload(output_url, data, { dispatcher, signal, contentType: `image/${info.format}`, onProgress }),
    );
    const result = {
      version: 1 as const,
      ...info,
      bytes_in: input.length,
      bytes_out: data.length,
      milliseconds: this.#milliseconds,
    };
    return { message: `${info.format}, ${info.width} x ${info.height} pixels`, data: encodeResult(result) };
  }

  async #at<T>(stage: InvertStage, work: (onProgress: (fraction: number) => void) => Promise<T>): Promise<T> {
    this.#stage = stage;
    this.#progress(0, true);
    const started = performance.now();
    const value = await work((fraction) => this.#progress(fraction, false));
    this.#milliseconds[stage] = Math.round(performance.now() - started);
    return value;
  }

  #progress(fraction: number, always: boolean): void {
    const now = performance.now();
    if (!always && now - this.#lastProgress < PROGRESS_INTERVAL_MS) return;
    this.#lastProgress = now;
    this.#context.message(encodeProgress({ task_id: this.#context.taskId, stage: this.#stage, fraction }));
  }

  /** sharp can't be interrupted: a task that is over leaves it alone, and its slot is free when it has ended. */
  async #invert(input: Buffer): Promise<InvertedImage> {
    const { signal } = this.#abort;
    const release = await this.#options.slots.acquire(signal);
    const timeoutMs = Math.max(1_000, this.#deadline - performance.now());
    const work = invertImage(input, { maxPixels: this.#job.max_pixels, timeoutMs }).finally(release);
    return await abortable(work, signal);
  }

  #failure(error: unknown): unknown {
    if (this.#context.signal.aborted) return error;
    const { input_url, output_url, timeout_seconds } = this.#job;
    let message = error instanceof Error ? error.message : String(error);
    if (this.#timedOut) {
      const where = {
        fetching: ` ${printableUrl(new URL(input_url))}`,
        inverting: "",
        uploading: ` to ${printableUrl(new URL(output_url))}`,
      };
      message = `took longer than ${timeout_seconds} s: was still ${this.#stage}${where[this.#stage]}`;
    } else if (error instanceof ImageError) {
      message = `${printableUrl(new URL(input_url))}: ${message}`;
    }
    const retryable = this.#timedOut || (error instanceof TransferError && error.retryable);
    return new TaskError(message, encodeFailure({ version: 1, stage: this.#stage, retryable }), { cause: error });
  }
}

/** Settles as `work` does, or rejects when the signal is aborted first. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
