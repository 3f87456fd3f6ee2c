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

/** Knows one format. Both throw ImageError for what can't be inverted, or libvips' errors for what it can't read. */
export interface FormatInverter {
  /** Reads what inverting must not change, without decoding pixels: of the input, and then of the result. */
  picture(data: Buffer): Picture | Promise<Picture>;
  /** Inverts the colours of an image that is within the limits. */
  invert(input: Buffer, work: InvertWork): Promise<Buffer>;
}
