/**
 * For schedulers in other languages: packs the inverter, unless it is packed already, and prints where the archive is
 * and how an executor is started from it, as one line of JSON: `path`, `fileName`, `command`.
 */
import { buildExecutorArchive } from "../archive.js";

try {
  process.stdout.write(`${JSON.stringify(await buildExecutorArchive())}\n`);
} catch (error) {
  process.stderr.write(`archive: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
