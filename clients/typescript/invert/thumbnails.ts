import { mkdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { ImageRecord } from "./image.js";

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

/** Makes the thumbnails that are missing or older than their image. An image that can't be read has none. */
export async function makeThumbnails(images: readonly ImageRecord[], output: string): Promise<Map<string, Thumbnails>> {
  const made = new Map<string, Thumbnails>();
  const left = [...images];
  const work = async () => {
    for (let image = left.shift(); image !== undefined; image = left.shift()) {
      made.set(image.id, await thumbnailsOf(image, output));
    }
  };
  await mkdir(join(output, THUMBNAIL_FOLDER), { recursive: true });
  await Promise.all(Array.from({ length: PARALLEL }, work));
  return made;
}

async function thumbnailsOf(image: ImageRecord, output: string): Promise<Thumbnails> {
  const result = image.state === "done" && image.result !== undefined ? join(output, image.result.file) : undefined;
  const after = result && (await thumbnail(result, output, `${image.id}-after.webp`, false));
  // What came from a URL is not here; but inverted twice it is what it was.
  const before =
    image.kind === "file"
      ? await thumbnail(image.key, output, `${image.id}-before.webp`, false)
      : result && (await thumbnail(result, output, `${image.id}-before.webp`, true));
  return { before, after };
}

async function thumbnail(source: string, output: string, name: string, invert: boolean): Promise<string | undefined> {
  const relative = `${THUMBNAIL_FOLDER}/${name}`;
  const path = join(output, relative);
  try {
    if (await isNewer(path, source)) return relative;
    const picture = sharp(source, { limitInputPixels: MAX_PIXELS }).rotate();
    if (invert) picture.negate({ alpha: false });
    await picture
      .resize({ width: EDGE_PIXELS, height: EDGE_PIXELS, fit: "inside", withoutEnlargement: true })
      .webp({ quality: 82 })
      .toFile(path);
    return relative;
  } catch {
    await rm(path, { force: true });
    return undefined;
  }
}

async function isNewer(path: string, source: string): Promise<boolean> {
  const made = await stat(path).catch(() => undefined);
  return made !== undefined && made.mtimeMs > (await stat(source)).mtimeMs;
}
