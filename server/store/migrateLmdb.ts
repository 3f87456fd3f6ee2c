import { execFile } from "node:child_process";
import { constants, existsSync } from "node:fs";
import { access, mkdtemp, rm, statfs, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DataDirInUseError } from "./dataDirOwner.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import { DAMAGED, type LmdbContent, type LmdbOwner } from "./lmdbContent.js";
import { DamagedFileError } from "./logFormat.js";
import { stateAt } from "./ownerSocket.js";

/** How LMDB ends where pages are missing, or are other ones. */
const CRASHES = ["SIGBUS", "SIGSEGV", "SIGABRT"];
/** More than LMDB needs. */
const LOCK_BYTES = 64 * 1024;
const READER = fileURLToPath(new URL("./lmdbReader.js", import.meta.url));

/**
 * Reads the file of an older bridge, in a process of its own: LMDB maps the file into memory, and takes its process
 * down where the file has been cut off.
 *
 * @throws DamagedFileError, or Error if it can't be read for another reason
 * @throws DataDirInUseError if an older bridge runs on it, or may do so
 */
export async function readLmdb(path: string, kept: KeptFrameworks): Promise<void> {
  const { owner, frameworks, tasks } = await contentOf(path);
  if (owner) await refuseIfAlive(dirname(path), owner);
  for (const { frameworkInfo, offerConstraints, ...record } of frameworks) {
    kept.putFramework({
      ...record,
      frameworkName: String(record.frameworkName),
      frameworkInfo: frameworkInfo === undefined ? undefined : Buffer.from(frameworkInfo, "base64"),
      offerConstraints: offerConstraints === undefined ? undefined : Buffer.from(offerConstraints, "base64"),
    });
  }
  for (const [frameworkName, taskId, agentId] of tasks) kept.putTask(frameworkName, { taskId, agentId });
}

async function refuseIfAlive(dataDir: string, { pid, socket }: LmdbOwner): Promise<void> {
  const path = resolve(dataDir, socket);
  const state = await stateAt(path);
  if (state === "alive") {
    throw new DataDirInUseError(`${dataDir} is in use by a bridge of an older version (process ${pid}): stop it first`);
  }
  if (state === "missing" && runs(pid)) {
    throw new DataDirInUseError(
      `${dataDir} may be in use by a bridge of an older version (process ${pid}), whose socket is missing: stop it first. ` +
        `If that process is another program, make an empty file ${path}`,
    );
  }
}

/** True if another process has this id. */
function runs(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * LMDB makes a lock file beside the file, and ends by SIGBUS where the disk has no room for it. Where there is none nobody has the
 * file open, and no lock is needed: one that lies elsewhere will do.
 */
async function contentOf(path: string): Promise<LmdbContent> {
  await access(path, constants.R_OK);
  if (existsSync(`${path}-lock`)) {
    const result = await runReader(path);
    if (result.kind === "read") return result.content;
  }
  const elsewhere = await mkdtemp(join(tmpdir(), "mesos-bridge-"));
  try {
    const alias = join(elsewhere, "alias");
    await symlink(resolve(path), alias);
    const result = await runReader(alias);
    if (result.kind === "read") return result.content;
    if (result.signal === "SIGBUS" && (await isFull(elsewhere))) {
      throw new Error(`${path} can't be read, because ${dirname(elsewhere)} has no room for a lock file: make room`);
    }
    if (!result.isDamage) throw new Error(`${path} can't be read: ${result.reason}`);
    throw new DamagedFileError(path, result.reason);
  } finally {
    await rm(elsewhere, { recursive: true, force: true });
  }
}

type Result =
  | { readonly kind: "read"; readonly content: LmdbContent }
  | {
      readonly kind: "failed";
      readonly signal: NodeJS.Signals | undefined;
      readonly isDamage: boolean;
      readonly reason: string;
    };

function runReader(path: string): Promise<Result> {
  return new Promise((done) => {
    execFile(process.execPath, [READER, path], { maxBuffer: 2 ** 30 }, (error, stdout, stderr) => {
      if (!error) return done({ kind: "read", content: JSON.parse(stdout) as LmdbContent });
      const signal = error.signal ?? undefined;
      const reason = signal ? `reading it ended with ${signal}` : stderr.trim().split("\n")[0] || error.message;
      const isDamage = error.code === DAMAGED || CRASHES.includes(signal ?? "");
      done({ kind: "failed", signal, isDamage, reason });
    });
  });
}

async function isFull(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize < LOCK_BYTES;
}
