import type { Sharp, SharpOptions } from "sharp";
import type { Picture } from "./picture.js";
import type { Turns } from "./turns.js";

/** What a format's inverter may use. */
export interface InvertWork {
  /** Opens an image with sharp, under the limits of the task. */
  open: (data: Buffer, options?: SharpOptions) => Sharp;
  maxPixels: number;
  turns: Turns;
}

/** A file whose structure has been read, but no pixels. */
export interface ReadImage {
  /** What inverting must not change. */
  picture: Picture;
  /** Inverts the colours. The caller has checked the limits. */
  invert(work: InvertWork): Promise<Buffer>;
}

/** Knows one format. It throws ImageError for what can't be inverted, or libvips' errors for what it can't read. */
export interface FormatInverter {
  /** @param turns  default: without a limit of time */
  read(data: Buffer, turns?: Turns): ReadImage | Promise<ReadImage>;
}
