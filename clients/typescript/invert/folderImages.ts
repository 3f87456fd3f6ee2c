import { isUtf8 } from "node:buffer";
import { readdir } from "node:fs/promises";
import { extname, join } from "node:path";
import { reason } from "./fileReason.js";

/** What counts as an image in a folder. A file that is named itself may have any name. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".gif",
  ".tif",
  ".tiff",
  ".avif",
]);

/** Why a file can't be served whose name is not text. */
export const NOT_UTF8 = "can't be used: its name is not UTF-8";
const DOT = 0x2e;

/** Something that was named, or found in a folder, and can't be inverted. `name problem` is a sentence. */
export interface Unusable {
  /** As people write it; bytes that are not UTF-8 stand there as `\xNN`. */
  name: string;
  problem: string;
}

/** What a folder holds. */
export interface FolderContent {
  /** Paths of what is called as images are, sorted: files, links, and what else may have such a name. */
  images: string[];
  unusable: Unusable[];
}

/**
 * Looks for images in a folder. Hidden files and folders are passed over, and so is the folder of the results.
 * A link to a folder is not followed. What can't be looked into is told, and the rest is still found.
 *
 * @param path       the folder
 * @param recursive  also look into the folders in it
 * @param output     the real path of the folder of the results
 */
export async function findImages(path: string, recursive: boolean, output: string): Promise<FolderContent> {
  const found: FolderContent = { images: [], unusable: [] };
  const folders = [path];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    try {
      for (const { name, isFolder } of await entriesOf(folder)) {
        if (name[0] === DOT || (isFolder && !recursive)) continue;
        if (!isFolder && !hasImageName(name)) continue;
        const text = printableBytes(name);
        if (!isUtf8(name)) found.unusable.push({ name: join(folder, text), problem: NOT_UTF8 });
        else if (!isFolder) found.images.push(join(folder, text));
        else if (join(folder, text) !== output) folders.push(join(folder, text));
      }
    } catch (error) {
      found.unusable.push({ name: folder, problem: `can't be read: ${reason(error)}` });
    }
  }
  found.images.sort(inNaturalOrder);
  return found;
}

const collator = new Intl.Collator("en", { numeric: true });

/** `2.png` before `10.png`, as file managers show them. */
function inNaturalOrder(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

interface Entry {
  name: Buffer;
  /** False for a link to a folder. */
  isFolder: boolean;
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const entries = await readdir(folder, { withFileTypes: true, encoding: "buffer" });
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
}

function hasImageName(name: Buffer): boolean {
  return IMAGE_EXTENSIONS.has(extname(name.toString("latin1")).toLowerCase());
}

/** A name as text: bytes beyond ASCII as `\xNN` where it is not UTF-8. */
export function printableBytes(name: Buffer): string {
  if (isUtf8(name)) return name.toString("utf8");
  return name
    .toString("latin1")
    .replace(/[\x80-\xff]/g, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
