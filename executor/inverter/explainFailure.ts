import { ImageError } from "./imageError.js";

/** What a task may take. */
export interface InvertLimits {
  /** Width x height x frames. */
  maxPixels: number;
  /** For decoding and encoding together, in ms; rounded up to whole seconds. Default: none. */
  timeoutMs?: number;
}

export function tooSlow({ timeoutMs = 0 }: InvertLimits): ImageError {
  return new ImageError(`takes longer than ${Math.ceil(timeoutMs / 1_000)} s to invert`);
}

export function tooLarge(size: string, { maxPixels }: InvertLimits): ImageError {
  return new ImageError(`is ${size}over the limit of ${Number((maxPixels / 1e6).toPrecision(4))} megapixels`);
}

/** Says in words of ours what libvips says in words of its own. */
export function explainFailure(error: unknown, limits: InvertLimits): unknown {
  if (error instanceof ImageError || !(error instanceof Error)) return error;
  if (/timeout: \d+% complete/.test(error.message)) return tooSlow(limits);
  if (/exceeds pixel limit/.test(error.message)) return tooLarge("", limits);
  const cause = causeOf(error.message);
  if (/not (supported|implemented|configured)|unsupported/i.test(cause)) {
    return new ImageError(`is of a kind that is not supported: ${cause}`, { cause: error });
  }
  return new ImageError(`broken image: ${cause}`, { cause: error });
}

/** Lines that only say that something went wrong: what it was stands on another one. */
const NO_CAUSE =
  /due to failOn setting|^(\w+: )?(read|write) error$|^error in tile|^source: bad seek|^Input (buffer|file) has corrupt header$/i;

/** The first line that tells a cause, without what stands before it. */
function causeOf(message: string): string {
  const lines = message.split("\n").filter((line) => line.trim() !== "");
  const line = lines.find((each) => !NO_CAUSE.test(each.trim())) ?? lines[0] ?? "unknown reason";
  return line.replace(/^Input (buffer|file) has corrupt header: /, "").trim();
}
