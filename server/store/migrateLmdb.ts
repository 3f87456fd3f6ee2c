import { execFile } from "node:child_process";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DataDirInUseError } from "./dataDirOwner.js";
import type { KeptFrameworks } from "./keptFrameworks.js";
import type { LmdbContent } from "./lmdbContent.js";
import { DamagedFileError } from "./logFormat.js";
import { stateAt } from "./ownerSocket.js";

const READER = fileURLToPath(new URL("./lmdbReader.js", import.meta.url));

/**
 * Reads the file of an older bridge, in a process of its own: LMDB maps the file into memory, and takes its process
 * down where the file has been cut off.
 *
 * @throws DamagedFileError
 * @throws DataDirInUseError if an older bridge runs on it
 */
export async function readLmdb(path: string, kept: KeptFrameworks): Promise<void> {
  const { owner, frameworks, tasks } = await contentOf(path);
  if (owner && (await stateAt(resolve(dirname(path), owner.socket))) === "alive") {
    throw new DataDirInUseError(
      `${dirname(path)} is in use by a bridge of an older version (process ${owner.pid}): stop it first`,
    );
  }
  for (const { frameworkInfo, offerConstraints, ...record } of frameworks) {
    kept.putFramework({
      ...record,
      frameworkName: String(record.frameworkName),
      frameworkInfo: frameworkInfo === undefined ? undefined : Buffer.from(frameworkInfo, "base64"),
      offerConstraints: offerConstraints === undefined ? undefined : Buffer.from(offerConstraints, "base64"),
    });
  }
  for (const [frameworkName, taskId, agentId] of tasks) kept.putTask(frameworkName, taskId, agentId);
}

function contentOf(path: string): Promise<LmdbContent> {
  return new Promise((done, failed) => {
    execFile(process.execPath, [READER, path], { maxBuffer: 2 ** 30 }, (error, stdout, stderr) => {
      if (!error) return done(JSON.parse(stdout) as LmdbContent);
      const reason = error.signal ? `reading it ended with ${error.signal}` : stderr.trim() || error.message;
      failed(new DamagedFileError(path, reason));
    });
  });
}
