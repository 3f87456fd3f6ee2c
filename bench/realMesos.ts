import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type BenchBridge, startBridge } from "./harness.js";

const START_MS = 60_000;

/**
 * Measures with a real Mesos of one agent, and a bridge on it. Where Mesos is not installed there are no figures, and
 * stderr says so.
 */
export async function withRealMesos<T>(
  benchmark: string,
  resources: string,
  measure: (mesos: RealMesos, bridge: BenchBridge) => Promise<T[]>,
): Promise<T[]> {
  const mesos = await startRealMesos(resources);
  if (!mesos) {
    const how = "the real Mesos is not installed; test/real-mesos/install does it";
    process.stderr.write(`bench: ${benchmark} is left out: ${how}\n`);
    return [];
  }
  try {
    const bridge = await startBridge(mesos.address);
    try {
      return await measure(mesos, bridge);
    } finally {
      await bridge.close();
    }
  } finally {
    await mesos.close();
  }
}

/** A real Mesos 1.11.0 with one agent. */
interface RealMesos {
  /** As host:port. */
  readonly address: string;
  close(): Promise<void>;
}

/** Starts one; undefined where it is not installed. */
async function startRealMesos(resources: string): Promise<RealMesos | undefined> {
  const home = process.env.REAL_MESOS_HOME ?? join(homedir(), ".cache/mesos-bridge/real-mesos");
  if (!existsSync(join(home, "installed"))) return undefined;
  const workDir = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  const run = fileURLToPath(new URL("../../test/real-mesos/run", import.meta.url));
  const args = ["--port", "0", "--agents", "1", "--resources", resources, "--work-dir", workDir];
  const child = spawn(run, args, { stdio: ["ignore", "pipe", "ignore"] });
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    await rm(workDir, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    return { address: await ready(child.stdout), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The address in the line that tells it. What comes behind that is read too: a pipe that is closed breaks its writer. */
function ready(output: NodeJS.ReadableStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const fail = (why: string) => reject(new Error(`Mesos did not start${why}: ${text}`));
    const timer = setTimeout(() => fail(` within ${START_MS} ms`), START_MS);
    output.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const address = /^ready http:\/\/(\S+)\n/m.exec(text)?.[1];
      if (address === undefined) return;
      clearTimeout(timer);
      resolve(address);
    });
    output.on("end", () => {
      clearTimeout(timer);
      fail("");
    });
  });
}
