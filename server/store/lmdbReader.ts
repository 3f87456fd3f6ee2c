import { statSync } from "node:fs";
import { type Database, type Key, open, type RootDatabase } from "lmdb";
import { errorText } from "../../wire/errorText.js";
import { DAMAGED, type LmdbContent, type LmdbRecord } from "./lmdbContent.js";

/* Writes the content of the LMDB file that is its argument to stdout, as JSON. A process of its own. */
const [path = ""] = process.argv.slice(2);
try {
  process.stdout.write(JSON.stringify(await read(path)));
} catch (error) {
  process.stderr.write(`${errorText(error)}\n`);
  // A positive code is one of the system's: it says nothing of the content.
  const { code } = error as { code?: unknown };
  process.exitCode = typeof code === "string" || Number(code) > 0 ? 1 : DAMAGED;
}

async function read(file: string): Promise<LmdbContent> {
  // LMDB makes an empty file first.
  if (statSync(file).size === 0) return { owner: undefined, frameworks: [], tasks: [] };
  const root = open({ path: file, noSubdir: true, maxDbs: 8, readOnly: true });
  try {
    const frameworks = entriesOf<unknown, string>(root, "frameworks");
    const tasks = entriesOf<string, [string, string]>(root, "tasks");
    const owner = entriesOf<{ pid: number; socket: string }, string>(root, "owners")[0]?.value;
    return {
      owner: owner && { pid: owner.pid, socket: owner.socket },
      frameworks: frameworks.map(({ key, value }) => recordOf(key, value)),
      tasks: tasks.map(({ key: [name, taskId], value }) => [name, taskId, value]),
    };
  } finally {
    await root.close();
  }
}

/** None if there is no such database: a bridge may have crashed before it had made it. */
function entriesOf<V, K extends Key>(root: RootDatabase, name: string): { key: K; value: V }[] {
  const database: Database<V, K> | undefined = root.openDB<V, K>({ name });
  return database ? [...database.getRange({})] : [];
}

function recordOf(frameworkName: string, value: unknown): LmdbRecord {
  const record = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const { frameworkInfo, offerConstraints } = record;
  return { ...record, frameworkName, frameworkInfo: base64(frameworkInfo), offerConstraints: base64(offerConstraints) };
}

function base64(bytes: unknown): string | undefined {
  return bytes instanceof Uint8Array ? Buffer.from(bytes).toString("base64") : undefined;
}
