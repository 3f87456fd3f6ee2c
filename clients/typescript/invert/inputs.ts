import { constants } from "node:fs";
import { access, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, extname, join, relative, sep } from "node:path";
import { UsageError } from "../library/program.js";

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

/** One image to invert. */
export interface Input {
  /** The file's real path, or the URL: the same image named twice has the same one. */
  key: string;
  kind: "file" | "url";
  /** For people and for the result's name: `chelsea.png`. May hold anything that a file name can. */
  name: string;
  /** Of a file; both tell whether it is still the one that was inverted. */
  size?: number;
  mtimeMs?: number;
}

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
}

/**
 * The images that files, folders and URLs name, each once, in the order in which they were named.
 *
 * @throws UsageError with one line about the first thing that can't be used
 */
export async function collectInputs(named: readonly string[], options: InputOptions): Promise<Inputs> {
  const all = [...named, ...(options.list === undefined ? [] : await readList(options.list))];
  if (all.length === 0) throw new UsageError("name at least one image, folder or URL; --help shows an example");
  const output = await realpath(options.output).catch(() => options.output);
  const unique = new Map<string, Input>();
  let found = 0;
  for (const name of all) {
    for (const input of await inputsOf(name, options.recursive, output)) {
      found++;
      if (!unique.has(input.key)) unique.set(input.key, input);
    }
  }
  return { inputs: [...unique.values()], duplicates: found - unique.size };
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

async function inputsOf(name: string, recursive: boolean, output: string): Promise<Input[]> {
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(name)) return [urlInput(name)];
  try {
    const path = await realpath(name);
    const info = await stat(path);
    if (info.isDirectory()) return await folderInputs(name, path, recursive, output);
    if (!info.isFile()) throw new UsageError(`${name} is neither a file nor a folder`);
    return [await fileInput(path, basename(name))];
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${name} can't be read: ${reason(error)}`);
  }
}

function urlInput(text: string): Input {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(`${text} is no URL that can be fetched: it must begin with http:// or https://`);
  }
  url.hash = "";
  const last = url.pathname.split("/").findLast((part) => part !== "") ?? url.hostname;
  return { key: url.href, kind: "url", name: decoded(last) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function fileInput(path: string, name: string): Promise<Input> {
  await access(path, constants.R_OK);
  const { size, mtimeMs } = await stat(path);
  return { key: path, kind: "file", name, size, mtimeMs };
}

async function folderInputs(name: string, path: string, recursive: boolean, output: string): Promise<Input[]> {
  if (path === output) {
    throw new UsageError(
      `${name} is the output folder: its results would be taken for inputs; choose another --output`,
    );
  }
  const entries = await readdir(path, { withFileTypes: true, recursive });
  const files = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => IMAGE_EXTENSIONS.has(extname(file).toLowerCase()) && !isHidden(relative(path, file)))
    .filter((file) => !file.startsWith(output + sep))
    .sort();
  const inputs: Input[] = [];
  for (const file of files) {
    const real = await realpath(file);
    if ((await stat(real)).isFile()) inputs.push(await fileInput(real, basename(file)));
  }
  if (inputs.length === 0) {
    const deeper = recursive ? "" : " (its folders are looked into with --recursive only)";
    throw new UsageError(`${name} holds no image: ${[...IMAGE_EXTENSIONS].join(" ")} count as such${deeper}`);
  }
  return inputs;
}

/** Files and folders that people keep out of sight. */
function isHidden(path: string): boolean {
  return path.split(sep).some((part) => part.startsWith("."));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file or folder",
  EACCES: "permission denied",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "it is a folder",
  ELOOP: "its symbolic links go round in a circle",
};

/** Why a file can't be used, in words. */
export function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return (code !== undefined && REASONS[code]) || message;
}
