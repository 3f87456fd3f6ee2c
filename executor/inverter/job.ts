/**
 * The contract between the client that has images inverted and the executor that inverts them: the job in
 * `TaskInfo.data`, progress in the executor's messages, and the outcome in the terminal `TaskStatus.data`.
 * All are JSON in UTF-8.
 */
import { z } from "zod";

/** Defaults of a job that names no limits of its own: photographs pass, and a task stays within a few hundred MB. */
export const JOB_DEFAULTS = {
  /** 64 MiB. */
  max_input_bytes: 64 * 1024 * 1024,
  /** 100 megapixels, all frames of an animation together. */
  max_pixels: 100_000_000,
  /** From the start of the download to the end of the upload. */
  timeout_seconds: 120,
} as const;

const httpUrl = z.url({ protocol: /^https?$/, error: "has to be a http:// or https:// URL" });

/** One image to invert. Every limit is optional and has a default from `JOB_DEFAULTS`. */
export const InvertJob = z.strictObject({
  version: z.literal(1, { error: "this executor knows version 1 of the job alone" }),
  /** Where the image is fetched with GET. */
  input_url: httpUrl,
  /** Where the result goes with PUT. */
  output_url: httpUrl,
  /** At most 1 GiB. */
  max_input_bytes: z
    .int()
    .min(1)
    .max(2 ** 30)
    .default(JOB_DEFAULTS.max_input_bytes),
  /** At most 1,000 megapixels. */
  max_pixels: z.int().min(1).max(1_000_000_000).default(JOB_DEFAULTS.max_pixels),
  /** At most 1 h. */
  timeout_seconds: z.number().positive().max(3_600).default(JOB_DEFAULTS.timeout_seconds),
});
export type InvertJob = z.infer<typeof InvertJob>;
/** A job as it is written: limits may be left out. */
export type InvertJobInput = z.input<typeof InvertJob>;

const stage = z.enum(["fetching", "inverting", "uploading"]);
export type InvertStage = z.infer<typeof stage>;

/** What the executor sends in `MESSAGE.data` while a task runs: best effort, a few times a second at most. */
export const InvertProgress = z.object({
  task_id: z.string(),
  stage,
  /** Of this stage, 0 to 1. Stays 0 where the length of the download is unknown. */
  fraction: z.number().min(0).max(1),
});
export type InvertProgress = z.infer<typeof InvertProgress>;

/** `TaskStatus.data` of TASK_FINISHED. */
export const InvertResult = z.object({
  version: z.literal(1),
  /** Pixels as stored: an EXIF orientation is kept, and not applied. */
  width: z.int(),
  height: z.int(),
  /** 1, or the frames of an animation, or the pages of a TIFF. */
  frames: z.int(),
  /** jpeg, png, webp, gif, tiff or avif: as the input. */
  format: z.string(),
  bytes_in: z.int(),
  bytes_out: z.int(),
  milliseconds: z.object({ fetching: z.number(), inverting: z.number(), uploading: z.number() }),
});
export type InvertResult = z.infer<typeof InvertResult>;

/** `TaskStatus.data` of TASK_FAILED, where the executor got as far as that. `TaskStatus.message` has the reason in words. */
export const InvertFailure = z.object({
  version: z.literal(1),
  stage,
  /** True where another try may help: a server that was away or overloaded, but not a broken image. */
  retryable: z.boolean(),
});
export type InvertFailure = z.infer<typeof InvertFailure>;

/** Data that is not what the contract says. The message names the field. */
export class InvertContractError extends Error {
  override readonly name = "InvertContractError";
}

/** @throws InvertContractError that names the field that is wrong */
export function encodeJob(job: InvertJobInput): Buffer {
  check(InvertJob, job, "job");
  return encode(job);
}

/** Fills in the defaults. @throws InvertContractError that names the field that is wrong */
export function parseJob(data: Uint8Array | undefined): InvertJob {
  return parse(InvertJob, data, "job in TaskInfo.data");
}

export function encodeProgress(progress: InvertProgress): Buffer {
  return encode(progress);
}

/** @throws InvertContractError: the message comes from something else than this executor */
export function parseProgress(data: Uint8Array | undefined): InvertProgress {
  return parse(InvertProgress, data, "progress message");
}

export function encodeResult(result: InvertResult): Buffer {
  return encode(result);
}

/** @throws InvertContractError */
export function parseResult(data: Uint8Array | undefined): InvertResult {
  return parse(InvertResult, data, "result in TaskStatus.data");
}

export function encodeFailure(failure: InvertFailure): Buffer {
  return encode(failure);
}

/** Undefined where the failure is not the executor's own account: Mesos fails tasks too, without data. */
export function parseFailure(data: Uint8Array | undefined): InvertFailure | undefined {
  if (!data?.length) return undefined;
  return parse(InvertFailure, data, "failure in TaskStatus.data");
}

function encode(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), "utf8");
}

function parse<T extends z.ZodType>(schema: T, data: Uint8Array | undefined, what: string): z.output<T> {
  if (!data?.length) throw new InvertContractError(`the ${what} is empty`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(data).toString("utf8"));
  } catch (error) {
    throw new InvertContractError(`the ${what} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  return check(schema, value, what);
}

function check<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) =>
    path.length > 0 ? `${path.join(".")}: ${message}` : message,
  );
  throw new InvertContractError(`the ${what} is invalid: ${issues.join("; ")}`);
}
