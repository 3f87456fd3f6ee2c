import { open } from "node:fs/promises";
import { arch, cpus, freemem, hostname, release, totalmem, type, uptime } from "node:os";
import { errorText } from "../../../wire/errorText.js";
import { holdsFrameworks, loadFrameworks } from "../../store/dataDir.js";
import { openFilesLimit } from "../descriptors.js";
import { silentLog } from "../doctor/quietLogs.js";
import { viewOf } from "../frameworkView.js";
import { restoreProblems } from "../restoreProblems.js";
import type { ServeConfig } from "../serveConfig.js";
import { version } from "../version.js";

const LOG_BYTES = 1024 * 1024;
const METRICS_MS = 5_000;
export const MAX_PART_BYTES = 8 * 1024 * 1024;

/** What runs, and on what. No value of the environment is in it, as these may hold secrets. */
export function machinePart(): unknown {
  const proxies = Object.keys(process.env).filter((name) => /^(https?|all|no)_proxy$/i.test(name));
  return {
    version,
    time: new Date().toISOString(),
    time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    node: process.version,
    system: `${type()} ${release()} ${arch()}`,
    hostname: hostname(),
    processors: cpus().length,
    memory_bytes: totalmem(),
    free_memory_bytes: freemem(),
    uptime_seconds: Math.round(uptime()),
    open_files_limit: openFilesLimit() ?? null,
    user_id: process.getuid?.() ?? null,
    proxy_variables: proxies,
  };
}

/** The configuration as `serve` would have it, with paths in place of what is in files. */
export function configPart({ master, ...rest }: ServeConfig): unknown {
  if (master.kind === "list") return { ...rest, master: master.urls.map(({ href }) => href) };
  const { tls, servers, path, auth } = master;
  return { ...rest, master: `zk${tls ? "s" : ""}://${auth === undefined ? "" : "***@"}${servers}${path}` };
}

/** What `frameworks list --json` shows, and what keeps records from being read. */
export async function recordsPart(dataDir: string): Promise<unknown> {
  if (!holdsFrameworks(dataDir)) throw new Error(`--data-dir: ${dataDir} is not the data directory of a bridge`);
  const { kept } = await loadFrameworks(dataDir, silentLog);
  const frameworks = kept.frameworks().map((record) => viewOf(record, kept.tasks(record.frameworkName)));
  return { problems: restoreProblems(kept, dataDir), frameworks };
}

/** The end of a log, from the beginning of a line on. */
export async function logPart(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - LOG_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(Math.min(size, LOG_BYTES)), 0, undefined, from);
    const text = buffer.toString("utf8", 0, bytesRead);
    return from === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    await file.close();
  }
}

export async function metricsPart(url: URL): Promise<string> {
  const { username, password } = url;
  const plain = new URL(url);
  plain.username = "";
  plain.password = "";
  const basic = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString("base64");
  const headers = username === "" ? undefined : { authorization: `Basic ${basic}` };
  const signal = AbortSignal.timeout(METRICS_MS);
  const asked = fetch(plain, { signal, redirect: "error", ...(headers && { headers }) });
  const response = await asked.catch((error: Error) => {
    // What fetch says is only that it failed; its cause says why.
    throw new Error(`${plain.host} can't be asked: ${errorText(error.cause ?? error)}`);
  });
  if (response.status !== 200 || !response.body) {
    await response.body?.cancel();
    throw new Error(`${plain.host} answers ${response.status} to GET ${plain.pathname}`);
  }
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_PART_BYTES) break;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
