import { isUtf8 } from "node:buffer";
import { constants } from "node:fs";
import { open, readFile, realpath, stat } from "node:fs/promises";
import { basename } from "node:path";
import { UsageError } from "../library/program.js";
import { reason } from "./fileReason.js";
import { findImages, IMAGE_EXTENSIONS, NOT_UTF8, printableBytes, type Unusable } from "./folderImages.js";
import type { Input, NamedInput } from "./input.js";
import { withLabels } from "./labels.js";

export interface InputOptions {
  /** A file with one path or URL a line. */
  list?: string;
  /** Also look into the folders of folders. */
  recursive: boolean;
  /** Its files are results, not inputs. */
  output: string;
}

export interface Inputs {
  inputs: Input[];
  /** How many were named more than once, and left out. */
  duplicates: number;
  /** What can't be inverted, in the order in which it was met. */
  unusable: Unusable[];
}

/** How many unusable entries one line names; of more, it gives the number. */
const MAX_TOLD = 5;

/**
 * The images that files, folders and URLs name, each once, in the order in which they were named. What can't be
 * used is left out and reported; the others are not affected.
 *
 * @throws UsageError with one line, when nothing is named, the list can't be read, or nothing can be used
 */
export async function collectInputs(named: readonly string[], options: InputOptions): Promise<Inputs> {
  const all = [...named, ...(options.list === undefined ? [] : await readList(options.list))];
  if (all.length === 0) throw new UsageError("name at least one image, folder or URL; --help shows an example");
  const output = await realpath(options.output).catch(() => options.output);
  const unique = new Map<string, NamedInput>();
  const unusable: Unusable[] = [];
  let found = 0;
  for (const name of all) {
    for (const entry of await entriesOf(name, options.recursive, output)) {
      if ("problem" in entry) {
        unusable.push(entry);
        continue;
      }
      found++;
      if (!unique.has(entry.key)) unique.set(entry.key, entry);
    }
  }
  if (unique.size === 0) throw new UsageError(describe(unusable));
  return { inputs: withLabels([...unique.values()]), duplicates: found - unique.size, unusable };
}

function describe(unusable: readonly Unusable[]): string {
  const told = unusable.slice(0, MAX_TOLD).map(({ name, problem }) => `${name} ${problem}`);
  const more = unusable.length - told.length;
  return `${told.join("; ")}${more > 0 ? `; and ${more} more can't be used` : ""}`;
}

/** The lines of a list, without blank ones and comments. Paths in it are relative to the current folder. */
export async function readList(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new UsageError(`--list: ${path} can't be read: ${reason(error)}`);
  }
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0) throw new UsageError(`--list: ${path} names no image`);
  return lines;
}

async function entriesOf(name: string, recursive: boolean, output: string): Promise<(NamedInput | Unusable)[]> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) return [urlInput(name)];
  try {
    if (!(await stat(name)).isDirectory()) return [await fileEntry(name)];
    return await folderEntries(name, await realPathOf(name), recursive, output);
  } catch (error) {
    return [{ name, problem: unreadable(name, error) }];
  }
}

/** The message is the problem: what is wrong with a file or folder, to be read after its name. */
class EntryError extends Error {}

async function realPathOf(name: string): Promise<string> {
  const real = await realpath(name, { encoding: "buffer" });
  if (!isUtf8(real)) throw new EntryError(`leads to ${printableBytes(real)}, which ${NOT_UTF8}`);
  return real.toString("utf8");
}

/** What is not UTF-8 on the command line, or in a list, comes with this character in its place. */
const REPLACEMENT = "\uFFFD";

function unreadable(name: string, error: unknown): string {
  if (error instanceof EntryError) return error.message;
  const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
  const hint = missing && name.includes(REPLACEMENT) ? ", or its name is not UTF-8" : "";
  return `can't be read: ${reason(error)}${hint}`;
}

function urlInput(text: string): NamedInput | Unusable {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    const web = /^https?:/i.test(text);
    const why = web ? "its host or its port is missing or wrong" : "it must begin with http:// or https://";
    return { name: withoutSecrets(text), problem: `is not a URL that can be fetched: ${why}` };
  }
  url.hash = "";
  const last = url.pathname.split("/").findLast((part) => part !== "") ?? url.hostname;
  return { key: url.href, kind: "url", name: decoded(last) };
}

/** User, password and query may be secret. A text that is not a URL hides them anywhere, so this removes too much. */
function withoutSecrets(text: string): string {
  return text.replace(/:\/\/.*@/, "://").replace(/\?.*/s, "?…");
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The file, or what a link leads to. */
async function fileEntry(name: string): Promise<NamedInput | Unusable> {
  try {
    const path = await realPathOf(name);
    const info = await stat(path);
    if (info.isDirectory()) throw new EntryError("leads to a folder, and such links are not followed");
    if (!info.isFile()) throw new EntryError("is neither a file nor a folder");
    await checkReadable(path);
    return { key: path, kind: "file", name: basename(name), size: info.size, mtimeMs: info.mtimeMs };
  } catch (error) {
    return { name, problem: unreadable(name, error) };
  }
}

/** What may be read is only known once it was opened: what answers such questions may not know every rule. */
async function checkReadable(path: string): Promise<void> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  await file.close();
}

async function folderEntries(
  name: string,
  path: string,
  recursive: boolean,
  output: string,
): Promise<(NamedInput | Unusable)[]> {
  if (path === output) {
    return [{ name, problem: "is the output folder: its results would be taken for inputs; choose another --output" }];
  }
  const { images, unusable } = await findImages(path, recursive, output);
  const entries: (NamedInput | Unusable)[] = [];
  for (const image of images) entries.push(await fileEntry(image));
  for (const each of unusable) entries.push(each);
  if (entries.length > 0) return entries;
  const deeper = recursive ? "" : " (its folders are looked into with --recursive only)";
  return [{ name, problem: `holds no image: ${[...IMAGE_EXTENSIONS].join(" ")} count as such${deeper}` }];
}
