import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningProcess, startProcess } from "./childProcess.js";
import type { ClusterOptions, MesosCluster } from "./cluster.js";
import { eventually } from "./eventually.js";
import { send } from "./http.js";
import { at } from "./paths.js";

const home = process.env.REAL_MESOS_HOME ?? join(homedir(), ".cache/mesos-bridge/real-mesos");

/** What is shown of the log of a cluster that ended by itself. */
const LAST_WORDS_CHARS = 20_000;

/** Why there is no real Mesos here; undefined when there is one. */
export function realMesosMissing(): string | undefined {
  if (existsSync(join(home, "installed"))) return undefined;
  return "the real Mesos is not installed: run test/real-mesos/install, which says what it needs";
}

/** Options that only the real one has. */
export interface RealClusterOptions extends ClusterOptions {
  /** What answers at /api/v1: `master`, or `slave(1)`. Default `master` */
  delegate?: string;
  /** Recover what the work directory holds. Default false */
  keep?: boolean;
}

/** What can be done to a real one only: its master and agents are one process of their own. */
export interface RealMesos extends MesosCluster {
  /** Stops master and agents in their tracks, or lets them go on. Executors go on. */
  pause(paused: boolean): Promise<void>;
}

/** Starts a real Mesos 1.11.0, and waits for all agents. */
export async function startRealMesos(options: RealClusterOptions = {}): Promise<RealMesos> {
  const workDir = options.workDir ?? (await mkdtemp(join(tmpdir(), "real-mesos-")));
  let cluster = await run(options, workDir);
  const master = cluster.ready[1] ?? "";
  const port = Number(new URL(master).port);
  const log = async () => `${cluster.log()}${await readFile(join(workDir, "cluster.log"), "utf8")}`;
  let crashed = false;
  return {
    kind: "real",
    master,
    port,
    workDir,
    log,
    async crash() {
      crashed = true;
      await cluster.kill();
      // Its process follows the one that was killed, and then the port is free.
      await eventually(() => send(`${master}/version`, { method: "GET" }).then(() => false, isRefused), {
        what: "the crash",
      });
    },
    async recover(whileAgentsAreAway) {
      const starting = run({ ...options, port, keep: true }, workDir);
      if (whileAgentsAreAway) {
        // 503 until it has recovered; then it says that it wants a POST.
        const answers = async () => (await send(`${master}/api/v1/scheduler`, { method: "GET" })).status === 405;
        await eventually(answers, { what: "the master" });
        await whileAgentsAreAway();
      }
      cluster = await starting;
      crashed = false;
    },
    async pause(paused) {
      process.kill(await childOf(cluster.pid), paused ? "SIGSTOP" : "SIGCONT");
    },
    async stop() {
      if (!crashed && (await hasEnded(cluster.pid))) {
        console.error(`the real Mesos ended by itself:\n${(await log()).slice(-LAST_WORDS_CHARS)}`);
      }
      await cluster.stop();
      if (options.workDir === undefined) await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** The process of master and agents, which the program `run` starts. */
async function childOf(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).trim());
}

/** Whether master and agents have ended, also where nobody has noticed yet. */
async function hasEnded(pid: number): Promise<boolean> {
  try {
    const stat = await readFile(`/proc/${await childOf(pid)}/stat`, "utf8");
    return / Z /.test(stat);
  } catch {
    return true;
  }
}

const isRefused = (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED";

async function run(options: RealClusterOptions, workDir: string): Promise<RunningProcess> {
  const args = clusterArgs(options, workDir);
  const start = { command: at("test/real-mesos/run"), args, ready: /^ready (http:\/\/\S+)$/m, readyTimeoutMs: 60_000 };
  return startProcess(start).catch(async (error: Error) => {
    const log = await readFile(join(workDir, "cluster.log"), "utf8").catch(() => "");
    throw new Error(`${error.message}\nits last words:\n${log.slice(-LAST_WORDS_CHARS)}`);
  });
}

function clusterArgs(options: RealClusterOptions, workDir: string): string[] {
  const { agents = 1, resources, attributes, flags = {}, credentials = {}, keep, delegate, port = 0 } = options;
  const args = ["--port", String(port), "--agents", String(agents), "--work-dir", workDir];
  if (resources !== undefined) args.push("--resources", resources);
  if (attributes !== undefined) args.push("--attributes", attributes);
  if (delegate !== undefined) args.push("--delegate", delegate);
  if (keep) args.push("--keep");
  for (const [name, value] of Object.entries(flags)) args.push("--flag", `${name}=${value}`);
  for (const [principal, secret] of Object.entries(credentials)) args.push("--credential", `${principal}:${secret}`);
  return args;
}
