import { createHash } from "node:crypto";
import { ImageError } from "./imageError.js";
import type { ImageFormat } from "./imageFormat.js";

/** What inverting must not change. Read from the bytes of a file, before and after. */
export interface Picture {
  format: ImageFormat;
  /** Of the first page; samples as stored, an orientation is not applied. */
  width: number;
  height: number;
  /** Pages that programs show one after the other, or frames of an animation. */
  frames: number;
  /** One for each of the frames, and after them for what is within a page of a TIFF. */
  pages: readonly PicturePage[];
  /** What says how its numbers become colours: `ICC profile` -> its digest. */
  colours: ReadonlyMap<string, string>;
  /** What it says about itself, and how it is shown: `comment` -> `made by me`. Long values are digests. */
  texts: ReadonlyMap<string, string>;
}

export interface PicturePage {
  width: number;
  height: number;
  /** All, alpha and others too. */
  channels: number;
  /** Bits of a sample. */
  depth: number;
  /** How many columns and rows of pixels share one colour, where that is known. */
  colourStep?: ColourStep;
}

export interface ColourStep {
  columns: number;
  rows: number;
}

/** Values up to here are shown to people. */
const SHOWN = 60;

/** A value to compare and to show: short texts as they are, the rest by its digest. */
export function comparable(data: Buffer): string {
  const text = data.toString("utf8").replace(/\0+$/, "");
  if (data.length <= SHOWN && !/[^\x20-\x7e\u00a0-\uffef]|\ufffd/.test(text)) return `"${text}"`;
  return `${data.length} bytes, ${createHash("sha256").update(data).digest("hex").slice(0, 16)}`;
}

/**
 * Refuses a result that is not the input with other colours.
 *
 * @throws ImageError that says what would be lost
 */
export function refuseLosses(before: Picture, after: Picture): void {
  const losses = lossesOf(before, after);
  if (losses.length === 0) return;
  const [first, ...others] = losses;
  const more = others.length > 3 ? [...others.slice(0, 3), `${others.length - 3} more`] : others;
  throw new ImageError(`can't be inverted without a loss: ${[first, ...more].join("; ")}`);
}

function lossesOf(before: Picture, after: Picture): string[] {
  if (after.format !== before.format) return [`it is ${before.format}, and would become ${after.format}`];
  const size = `${before.width} x ${before.height}`;
  const losses = pageLosses(before.pages, after.pages);
  if (size !== `${after.width} x ${after.height}`) {
    losses.push(`it is ${size} pixels, and would become ${after.width} x ${after.height}`);
  }
  for (const [kind, old, now] of [
    ["colour description", before.colours, after.colours],
    ["metadata", before.texts, after.texts],
  ] as const) {
    for (const [name, value] of old) {
      const left = now.get(name);
      if (left === undefined) losses.push(`its ${name} (${value}) would be gone`);
      else if (left !== value) losses.push(`its ${name} (${value}) would become another one (${left})`);
    }
    for (const name of now.keys()) if (!old.has(name)) losses.push(`it would get ${kind} it has not: ${name}`);
  }
  return losses;
}

function pageLosses(before: readonly PicturePage[], after: readonly PicturePage[]): string[] {
  if (before.length !== after.length)
    return [`it has ${before.length} pages or frames, and ${after.length} would be left`];
  const losses: string[] = [];
  for (const [i, page] of before.entries()) {
    const now = after[i];
    if (!now) continue;
    const name = before.length > 1 ? `page ${i + 1}` : "it";
    if (page.channels !== now.channels)
      losses.push(`${name} has ${page.channels} channels, and ${now.channels} would be left`);
    if (page.depth !== now.depth)
      losses.push(`${name} has ${page.depth} bits a sample, and ${now.depth} would be left`);
    if (page.width !== now.width || page.height !== now.height) {
      losses.push(`${name} is ${page.width} x ${page.height} pixels, and would become ${now.width} x ${now.height}`);
    }
    const coarser = coarserColours(name, page, now);
    if (coarser !== undefined) losses.push(coarser);
  }
  return losses;
}

function coarserColours(
  name: string,
  { colourStep: before }: PicturePage,
  { colourStep: after }: PicturePage,
): string | undefined {
  if (!before || !after || (after.columns <= before.columns && after.rows <= before.rows)) return undefined;
  const had = `${name} has one colour for ${before.columns} x ${before.rows} pixels`;
  return `${had}, and would have one for ${after.columns} x ${after.rows}`;
}
