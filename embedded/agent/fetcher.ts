import { execFile } from "node:child_process";
import { createReadStream, createWriteStream } from "node:fs";
import { appendFile, chmod, copyFile, mkdir, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { x as extractTar } from "tar";
import type { CommandInfo_URI } from "../../gen/mesos/v1/mesos.js";

const TAR = /\.(tar|tgz|tar\.gz)$/;
const OTHER_ARCHIVE = /\.(tbz2|tar\.bz2|txz|tar\.xz)$/;
const run = promisify(execFile);

/**
 * Puts the URIs of a command into its sandbox, one after the other: http, https, file and plain paths. Says what it does
 * in the sandbox's stderr, as mesos-fetcher.
 *
 * @throws Error for the first URI that fails; the text is for people.
 */
export async function fetchUris(
  uris: readonly CommandInfo_URI[],
  sandbox: string,
  options: { signal: AbortSignal; stallTimeoutMs: number },
): Promise<void> {
  for (const uri of uris) {
    const log = (line: string) => appendFile(join(sandbox, "stderr"), `${line}\n`);
    try {
      const target = await fetchUri(uri, sandbox, options);
      await log(`Fetched '${uri.value}' to '${target}'`);
    } catch (error) {
      await log(`Failed to fetch '${uri.value}': ${error instanceof Error ? error.message : String(error)}`);
      throw error;
    }
  }
}

/** What is wrong with URIs before any of them is fetched, in the agent's words, or undefined. */
export function invalidUris(uris: readonly CommandInfo_URI[]): string | undefined {
  for (const { value = "", outputFile } of uris) {
    if (/[\\'\0]/.test(value)) return "Illegal characters in URI";
    if (outputFile === "") return "URI output file path is empty";
    if (outputFile !== undefined && isAbsolute(outputFile)) {
      return "URI output file must be within the sandbox directory";
    }
  }
  return undefined;
}

async function fetchUri(
  uri: CommandInfo_URI,
  sandbox: string,
  options: { signal: AbortSignal; stallTimeoutMs: number },
): Promise<string> {
  const value = (uri.value ?? "").trimStart();
  const target = join(sandbox, targetName(value, uri.outputFile));
  await mkdir(dirname(target), { recursive: true });
  if (/^https?:\/\//i.test(value)) await download(value, target, options);
  else if (/^file:\/\//i.test(value) || !value.includes("://")) await copyLocal(value, target);
  else throw new Error("only http, https, file and plain paths can be fetched here");
  if (uri.executable) await chmod(target, 0o755);
  else if (uri.extract ?? true) await extract(target, sandbox);
  return target;
}

/** @throws Error for a name that would leave the sandbox. */
function targetName(value: string, outputFile: string | undefined): string {
  if (outputFile !== undefined) {
    const escapes = outputFile === "" || isAbsolute(outputFile) || outputFile.split("/").includes("..");
    if (escapes) throw new Error(`output_file '${outputFile}' is not a path inside the sandbox`);
    return outputFile;
  }
  const name = basename(value.replace(/^[a-z]+:\/\//i, ""));
  const hasPath = !/^[a-z]+:\/\/[^/]*\/?$/i.test(value);
  if (name === "" || name === "." || name === ".." || !hasPath) throw new Error("the URI has no file name");
  return name;
}

async function copyLocal(value: string, target: string): Promise<void> {
  const path = value.replace(/^file:\/\/(localhost(?=\/))?/i, "");
  if (!isAbsolute(path)) throw new Error("a local path must be absolute");
  if ((await stat(path)).isDirectory()) throw new Error("it is a directory");
  await copyFile(path, target);
}

async function download(
  url: string,
  target: string,
  { signal, stallTimeoutMs }: { signal: AbortSignal; stallTimeoutMs: number },
): Promise<void> {
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const touch = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(new Error(`no byte came for ${stallTimeoutMs / 1000} s`)), stallTimeoutMs);
  };
  const watch = new Transform({
    transform(chunk, _encoding, done) {
      touch();
      done(null, chunk);
    },
  });
  touch();
  try {
    const either = AbortSignal.any([signal, stalled.signal]);
    const response = await fetch(url, { signal: either });
    if (response.status !== 200 || !response.body) throw new Error(`the server answered ${response.status}`);
    await pipeline(Readable.fromWeb(response.body), watch, createWriteStream(target), { signal: either });
  } finally {
    clearTimeout(timer);
  }
}

/** Unpacks what is an archive by its name; anything else is kept as it is. */
async function extract(file: string, sandbox: string): Promise<void> {
  if (TAR.test(file)) await extractTar({ file, cwd: sandbox });
  else if (file.endsWith(".zip")) await run("unzip", ["-o", "-q", "-d", sandbox, file]);
  else if (OTHER_ARCHIVE.test(file)) await run("tar", ["-C", sandbox, "-xf", file]);
  else if (file.endsWith(".gz")) {
    await pipeline(createReadStream(file), createGunzip(), createWriteStream(file.slice(0, -".gz".length)));
  }
}
