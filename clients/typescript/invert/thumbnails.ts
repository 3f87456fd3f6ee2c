import { rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { ImageRecord } from "./image.js";
import { makeFolder } from "./makeFolder.js";

/** Where the gallery's small pictures are, in the output folder. */
export const THUMBNAIL_FOLDER = "thumbnails";
const EDGE_PIXELS = 720;
const MAX_PIXELS = 1_000_000_000;
const PARALLEL = 2;

/** The small pictures of one image, as paths relative to the output folder; undefined where there is nothing to show. */
export interface Thumbnails {
  before: string | undefined;
  after: string | undefined;
}

export interface ThumbnailOptions {
  /** When it aborts, no more thumbnails are made: those that are there are used. */
  signal: AbortSignal;
  /** Told at the start, and after each image. */
  onProgress: (made: number, total: number) => void;
}

/** Makes the thumbnails that are missing or older than their image. An image that can't be read has none. */
export async function makeThumbnails(
  images: readonly ImageRecord[],
  output: string,
  { signal, onProgress }: ThumbnailOptions,
): Promise<Map<string, Thumbnails>> {
  const made = new Map<string, Thumbnails>();
  const left = images.values();
  const work = async () => {
    for (const image of left) {
      made.set(image.id, await thumbnailsOf(image, output, signal));
      if (!signal.aborted) onProgress(made.size, images.length);
    }
  };
  onProgress(0, images.length);
  makeFolder(join(output, THUMBNAIL_FOLDER));
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return made;
}

async function thumbnailsOf(image: ImageRecord, output: string, signal: AbortSignal): Promise<Thumbnails> {
  const result = image.state === "done" && image.result !== undefined ? join(output, image.result.file) : undefined;
  const make = (source: string, suffix: string, invert: boolean) =>
    thumbnail({ source, output, name: `${image.id}-${suffix}.webp`, invert }, signal);
  const after = result && (await make(result, "after", false));
  // What came from a URL is not here; but inverted twice it is what it was.
  const before =
    image.kind === "file" ? await make(image.key, "before", false) : result && (await make(result, "before", true));
  return { before, after };
}

interface Wanted {
  source: string;
  output: string;
  name: string;
  invert: boolean;
}

async function thumbnail(wanted: Wanted, signal: AbortSignal): Promise<string | undefined> {
  const relative = `${THUMBNAIL_FOLDER}/${wanted.name}`;
  const path = join(wanted.output, relative);
  try {
    if (await isNewer(path, wanted.source)) return relative;
    if (signal.aborted) return undefined;
    const made = await settledFirst(makeThumbnail(wanted, path), signal);
    if (!made) await rm(partOf(path), { force: true });
    return made ? relative : undefined;
  } catch {
    await rm(path, { force: true });
    return undefined;
  }
}

/** One that was cut short must not count as made: so it gets its name when it is whole. */
async function makeThumbnail({ source, invert }: Wanted, path: string): Promise<void> {
  const part = partOf(path);
  try {
    const picture = sharp(source, { limitInputPixels: MAX_PIXELS }).rotate();
    if (invert) picture.negate({ alpha: false });
    await picture
      .resize({ width: EDGE_PIXELS, height: EDGE_PIXELS, fit: "inside", withoutEnlargement: true })
      .webp({ quality: 82 })
      .toFile(part);
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    throw error;
  }
}

function partOf(path: string): string {
  return `${path}.part`;
}

/** False if the signal came first: sharp can't be interrupted, and finishes in the background. */
async function settledFirst(work: Promise<void>, signal: AbortSignal): Promise<boolean> {
  const { promise, resolve } = deferred();
  signal.addEventListener("abort", resolve, { once: true });
  try {
    return await Promise.race([work.then(() => true), promise.then(() => false)]);
  } finally {
    signal.removeEventListener("abort", resolve);
    work.catch(() => undefined);
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let settle = () => {};
  const promise = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { promise, resolve: settle };
}

async function isNewer(path: string, source: string): Promise<boolean> {
  const made = await stat(path).catch(() => undefined);
  return made !== undefined && made.mtimeMs > (await stat(source)).mtimeMs;
}
