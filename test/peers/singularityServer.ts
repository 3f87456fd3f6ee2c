import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import type { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { freePort } from "../support/freePort.js";
import { getJson, send } from "../support/http.js";
import { at } from "../support/paths.js";

/** What Singularity's libraries reach into, and Java 17 keeps closed. */
const OPENED = ["lang", "lang.reflect", "util", "util.concurrent", "net", "nio", "io"];
const MEMORY = "-Xmx700m";
/** It starts in a quarter of that on an idle machine. */
const START_MS = 180_000;

/** Installs Singularity if it is missing. Gives the folder of its jars, or why it can't be installed here. */
export async function singularityJars(): Promise<{ jars: string; missing?: undefined } | { missing: string }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [at("scripts/install-singularity.mjs")]);
    return { jars: stdout.trim() };
  } catch (error) {
    return { missing: (error as { stderr?: string }).stderr?.trim() || String(error) };
  }
}

export interface SingularityOptions {
  jars: string;
  /** As `http://127.0.0.1:5050`. */
  master: string;
  /** As `127.0.0.1:2181`. */
  zookeeper: string;
  cleanup: Cleanup;
}

/** A running Singularity, by its REST API. */
export class Singularity {
  readonly #process: RunningProcess;
  readonly #api: string;

  private constructor(process: RunningProcess, api: string) {
    this.#process = process;
    this.#api = api;
  }

  /** Starts it, and waits until it knows all agents of the master. */
  static async start({ jars, master, zookeeper, cleanup }: SingularityOptions, agents: number): Promise<Singularity> {
    const port = await freePort();
    const config = join(await cleanup.tempDir(), "singularity.json");
    await writeFile(config, JSON.stringify(configuration(port, master, zookeeper)));
    const opened = OPENED.flatMap((name) => ["--add-opens", `java.base/java.${name}=ALL-UNNAMED`]);
    const program = ["-cp", `${jars}/*`, "com.hubspot.singularity.SingularityService", "server", config];
    const args = [MEMORY, ...opened, "--add-opens", "java.base/sun.nio.ch=ALL-UNNAMED", ...program];
    const running = cleanup.use(await startProcess({ command: "java", args }));
    const singularity = new Singularity(running, `http://127.0.0.1:${port}/singularity/api`);
    await running.logged(/Started @\d+ms/, { timeoutMs: START_MS });
    await eventually(async () => ((await singularity.get("/agents")) as unknown[]).length === agents, {
      what: "Singularity's agents",
      timeoutMs: START_MS,
    });
    return singularity;
  }

  /** What it logged last. */
  log(): string {
    return this.#process.log();
  }

  get(path: string): Promise<unknown> {
    return getJson(this.#api + path);
  }

  /** @throws Error with the answer, when Singularity refuses what was sent */
  async post(path: string, body: unknown): Promise<void> {
    const headers = { "Content-Type": "application/json" };
    const { status, text } = await send(this.#api + path, { body: JSON.stringify(body), headers, timeoutMs: 30_000 });
    if (status >= 300) throw new Error(`POST ${path}: ${status} ${text}`);
  }

  /** The ids of a request's tasks that have not ended, oldest first. */
  async tasksOf(request: string): Promise<string[]> {
    const all = (await this.get("/tasks/active/ids")) as { requestId: string; id: string; startedAt: number }[];
    const own = all.filter(({ requestId }) => requestId === request);
    return own.sort((a, b) => a.startedAt - b.startedAt).map(({ id }) => id);
  }

  /** The requests that it is about to clean up: a bounce is one of these until it is complete. */
  async cleanups(): Promise<string[]> {
    const all = (await this.get("/requests/queued/cleanup")) as { requestId: string; cleanupType: string }[];
    return all.map(({ requestId, cleanupType }) => `${requestId} ${cleanupType}`);
  }
}

/** Its YAML may be JSON. What is not said here is Singularity's default. */
function configuration(port: number, master: string, zookeeper: string): object {
  return {
    server: {
      type: "simple",
      applicationContextPath: "/singularity",
      adminContextPath: "/singularity/admin",
      connector: { type: "http", bindHost: "127.0.0.1", port },
      requestLog: { appenders: [] },
    },
    mesos: {
      master: `${master}/api/v1/scheduler`,
      frameworkName: "Singularity",
      frameworkId: "Singularity",
      defaultCpus: 0.1,
      defaultMemory: 64,
    },
    zookeeper: { quorum: zookeeper, zkNamespace: "singularity", sessionTimeoutMillis: 10_000 },
    logging: { level: "INFO", appenders: [{ type: "console" }] },
    hostname: "localhost",
    ui: { title: "Singularity", baseUrl: `http://127.0.0.1:${port}/singularity` },
  };
}
