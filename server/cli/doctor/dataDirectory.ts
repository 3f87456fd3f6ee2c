import { constants } from "node:fs";
import { access, stat, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errorText } from "../../../wire/errorText.js";
import { loadFrameworks } from "../../store/dataDir.js";
import { DataDirInUseError, refuseIfOwned } from "../../store/dataDirOwner.js";
import { restoreProblems } from "../restoreProblems.js";
import { shellWord } from "../shellWord.js";
import { type Check, type Finding, fail, ok, skip, warn } from "./check.js";
import type { Examination } from "./examination.js";
import { silentLog } from "./quietLogs.js";
import { failed, troubleOf, withOthers } from "./sentence.js";

const MIB = 1024 * 1024;
/** A bridge with 5,000 frameworks rewrites its log within this. */
const WARN_BYTES = 256 * MIB;
const NEEDED_BYTES = 16 * MIB;

export const DATA_DIRECTORY = "data directory";
export const OWNER = "data directory's owner";

/** It exists or can be made, and can be written. Nothing is written to find out. */
export const dataDirectory: Check = {
  name: DATA_DIRECTORY,
  run: async ({ config: { dataDir } }) => {
    const path = resolve(dataDir);
    try {
      const found = await nearest(path);
      if (!found.isDirectory) {
        return fail(`--data-dir: ${found.path} is not a directory`, "Name a directory, or move that file away.");
      }
      await access(found.path, constants.R_OK | constants.W_OK | constants.X_OK);
      return ok(found.path === path ? `${dataDir} can be written` : `${dataDir} does not exist, and can be made`);
    } catch (error) {
      const cure = `Let the bridge's user write there (chown or chmod of ${shellWord(path)}), or choose another directory.`;
      return fail(`--data-dir: ${dataDir} can't be written: ${whyNot(error)}`, cure);
    }
  },
};

export const diskSpace: Check = {
  name: "disk space",
  needs: [DATA_DIRECTORY],
  run: async ({ config: { dataDir } }) => {
    const { path } = await nearest(resolve(dataDir));
    const { bavail, bsize, blocks } = await statfs(path);
    if (blocks === 0)
      return fail(`${dataDir} is on a file system that holds no files`, "Choose a directory on a disk.");
    const free = bavail * bsize;
    const cause = `the file system of ${dataDir} has ${sizeOf(free)} left`;
    const cure = "Free some space there, or choose a directory on a larger file system.";
    if (free < NEEDED_BYTES) return fail(cause, cure);
    return free < WARN_BYTES ? warn(cause, cure) : ok(`${sizeOf(free)} are free`);
  },
};

/** Whether another process has it. Its claim is read, and its socket asked; no claim is made. */
export const owner: Check = {
  name: OWNER,
  needs: [DATA_DIRECTORY],
  run: async ({ config: { dataDir }, machine }) => {
    if (!(await exists(dataDir))) return ok("nobody uses it");
    try {
      await refuseIfOwned(dataDir, machine.clock);
      return ok("nobody uses it");
    } catch (error) {
      if (!(error instanceof DataDirInUseError)) throw error;
      const { cause, cure } = troubleOf(error.message, "Stop it first, or use another directory.");
      return fail(`--data-dir: ${cause}`, `${cure} If it is the bridge that you examine, the directory is all right.`);
    }
  },
};

/** Whether a bridge could load what is stored. */
export const records: Check = {
  name: "stored frameworks",
  needs: [DATA_DIRECTORY],
  run: async (examination) => {
    const { dataDir } = examination.config;
    if (!(await exists(dataDir))) return skip("there is no data directory yet");
    try {
      return await loaded(examination, dataDir);
    } catch (error) {
      return failed(new Error(`--data-dir: ${errorText(error)}`), `Restore a copy of ${dataDir}.`);
    }
  },
};

async function loaded(examination: Examination, dataDir: string): Promise<Finding> {
  const { kept } = await loadFrameworks(dataDir, silentLog);
  const [problem, ...more] = restoreProblems(kept, dataDir);
  examination.records = kept.frameworks();
  if (problem === undefined) return ok(`${examination.records.length} can be read`);
  const list = `See 'mesos-bridge frameworks list --data-dir ${shellWord(dataDir)}'.`;
  const { cause, cure } = troubleOf(problem, list);
  return fail(`--data-dir: ${withOthers(cause, more.length)}`, cure);
}

/** The path, or the first directory above it that exists. */
async function nearest(path: string): Promise<{ readonly path: string; readonly isDirectory: boolean }> {
  try {
    return { path, isDirectory: (await stat(path)).isDirectory() };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    return nearest(dirname(path));
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function whyNot(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case "EACCES":
      return "this user may not do that (EACCES)";
    case "EROFS":
      return "the file system is read-only (EROFS)";
    case "ENOTDIR":
      return "a part of the path is not a directory (ENOTDIR)";
    default:
      return errorText(error);
  }
}

function sizeOf(bytes: number): string {
  const gib = bytes / (1024 * MIB);
  return gib >= 1 ? `${gib.toFixed(1)} GiB` : `${(bytes / MIB).toFixed(0)} MiB`;
}
