import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createReadStream, existsSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildExecutorArchive, type ExecutorArchive } from "../../executor/archive.js";
import {
  encodeJob,
  type InvertJobInput,
  parseFailure,
  parseProgress,
  parseResult,
} from "../../executor/inverter/job.js";
import { ExecutorInfo, ExecutorInfo_Type, FrameworkInfo, TaskState } from "../../gen/mesos/v1/mesos.js";
import { RawScheduler, scalar } from "./rawScheduler.js";

const root = join(import.meta.dirname, "../..");
const runner = process.env.REAL_MESOS_RUN ?? join(root, "test/real-mesos/run");
/** Its executors outlive their agent. */
const FRAMEWORK = FrameworkInfo.create({
  user: "root",
  name: "executor-real",
  role: "*",
  checkpoint: true,
  failoverTimeout: 600,
});
const TERMINAL = [
  TaskState.TASK_FINISHED,
  TaskState.TASK_FAILED,
  TaskState.TASK_KILLED,
  TaskState.TASK_LOST,
  TaskState.TASK_ERROR,
];

let work: string;
let cluster: ChildProcess;
let master: string;
let files: Server;
let archive: ExecutorArchive;
let scheduler: RawScheduler;
const uploads = new Map<string, Buffer>();

function url(path: string): string {
  return `http://127.0.0.1:${(files.address() as AddressInfo).port}${path}`;
}

/** Releases what waits at /later. */
let release: () => void = () => {};
const later = new Promise<void>((resolve) => {
  release = resolve;
});

/** Serves the archive and the pictures, and takes results. */
function startFiles(): Server {
  return createServer((request, response) => {
    const path = request.url ?? "/";
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "PUT") {
        uploads.set(path, Buffer.concat(chunks));
        response.writeHead(204).end();
      } else if (path === `/${archive.fileName}`) {
        createReadStream(archive.path).pipe(response.writeHead(200, { "content-type": "application/gzip" }));
      } else if (path === "/page") {
        response.writeHead(200, { "content-type": "image/jpeg" }).end("<!doctype html><title>Sign in</title>");
      } else if (path === "/silence") {
        response.writeHead(200, { "content-length": "1000000" }).write("\xff\xd8\xff");
      } else if (path === "/later") {
        const send = () => createReadStream(join(root, "images/coffee.png")).pipe(response.writeHead(200));
        later.then(send).catch((error: Error) => response.destroy(error));
      } else if (existsSync(join(root, "images", path))) {
        const length = statSync(join(root, "images", path)).size;
        createReadStream(join(root, "images", path)).pipe(response.writeHead(200, { "content-length": length }));
      } else {
        response.writeHead(404).end();
      }
    });
  }).listen(0, "127.0.0.1");
}

function executorInfo(id: string): ExecutorInfo {
  return ExecutorInfo.create({
    type: ExecutorInfo_Type.CUSTOM,
    executorId: { value: id },
    name: "inverter",
    command: {
      uris: [{ value: url(`/${archive.fileName}`), extract: true }],
      environment: { variables: [{ name: "INVERTER_IDLE_TIMEOUT", value: "2secs" }] },
      shell: true,
      value: archive.command,
      arguments: [],
    },
    resources: [scalar("cpus", 0.1), scalar("mem", 128)],
  });
}

function job(path: string, more: Partial<InvertJobInput> = {}): Buffer {
  return encodeJob({ version: 1, input_url: url(path), output_url: url(`/out${path}`), ...more });
}

async function startCluster(...more: string[]): Promise<string> {
  const args = ["--agents", "1", "--work-dir", join(work, "mesos"), "--flag", "recovery_timeout=1mins", ...more];
  cluster = spawn(runner, args, { stdio: ["ignore", "pipe", "inherit"] });
  if (!cluster.stdout) throw new Error("no output of the cluster");
  const [line] = (await once(createInterface(cluster.stdout), "line")) as [string];
  return line.replace("ready ", "");
}

beforeAll(async () => {
  if (!existsSync(runner)) throw new Error(`${runner} is missing: the real Mesos has to be installed for this test`);
  execFileSync(process.execPath, [join(root, "scripts/bundle-executor.mjs")], { stdio: "ignore" });
  work = await mkdtemp(join(tmpdir(), "executor-real-"));
  archive = await buildExecutorArchive({ cacheFolder: join(work, "archive") });
  files = startFiles();
  await once(files, "listening");
  master = await startCluster("--port", "0");
  scheduler = new RawScheduler(master);
  await scheduler.subscribe(FRAMEWORK);
}, 120_000);

afterAll(async () => {
  await scheduler?.close();
  if (cluster && cluster.exitCode === null) {
    cluster.kill("SIGTERM");
    await once(cluster, "exit");
  }
  files?.closeAllConnections();
  files?.close();
  await rm(work, { recursive: true, force: true });
});

describe("the inverter on a real Mesos", () => {
  it("inverts two pictures in one executor that is fetched as an archive", async () => {
    await scheduler.launch(executorInfo("good"), [
      { id: "chelsea", data: job("/chelsea.png") },
      { id: "rocket", data: job("/rocket.jpg") },
    ]);
    for (const id of ["chelsea", "rocket"]) {
      const status = await scheduler.update(id, TERMINAL);
      expect([TaskState[status.state ?? 0], status.message]).toEqual([
        "TASK_FINISHED",
        expect.stringContaining("pixels"),
      ]);
      expect(parseResult(status.data)).toMatchObject({ version: 1, frames: 1 });
    }
    const [before, after] = [
      await readFile(join(root, "images/chelsea.png")),
      uploads.get("/out/chelsea.png") ?? Buffer.alloc(0),
    ];
    const [x, y] = [await sharp(before).raw().toBuffer(), await sharp(after).raw().toBuffer()];
    expect(y.length).toBe(x.length);
    expect(y.equals(x.map((value) => 255 - value))).toBe(true);
    expect(await sharp(uploads.get("/out/rocket.jpg")).metadata()).toMatchObject({
      format: "jpeg",
      width: 640,
      height: 427,
    });
    const stages = scheduler.messages
      .map(parseProgress)
      .filter((p) => p.task_id === "chelsea")
      .map((p) => p.stage);
    expect(new Set(stages)).toEqual(new Set(["fetching", "inverting", "uploading"]));
    const states = scheduler.updates.filter((s) => s.taskId?.value === "chelsea").map((s) => s.state);
    expect(states).toEqual([TaskState.TASK_RUNNING, TaskState.TASK_FINISHED]);
  }, 60_000);

  it("ends itself when it is idle, with status 0", async () => {
    await scheduler.until(() => scheduler.failures.length > 0);
    expect(scheduler.failures).toEqual([0]);
  }, 30_000);

  it("fails tasks with the reason, and never lets one hang", async () => {
    const failing: [string, Buffer, string, boolean][] = [
      ["missing", job("/nowhere.png"), `404 Not Found from ${url("/nowhere.png")}`, false],
      ["no-image", job("/page"), `${url("/page")}: not an image: it is an HTML page`, false],
      [
        "too-large",
        job("/astronaut.png", { max_input_bytes: 100_000 }),
        `${url("/astronaut.png")} is 773 KiB, over the limit of 97.7 KiB`,
        false,
      ],
      [
        "too-many",
        job("/coffee.png", { max_pixels: 1_000 }),
        `${url("/coffee.png")}: is 600 x 400 pixels, over the limit of 0.001 megapixels`,
        false,
      ],
      [
        "gone",
        job("/x", { input_url: "http://127.0.0.1:1/x.png" }),
        "server gone: connection refused by 127.0.0.1:1 (tried 4 times)",
        true,
      ],
      [
        "output-gone",
        job("/rocket.jpg", { output_url: "http://127.0.0.1:1/y" }),
        "server gone: connection refused by 127.0.0.1:1 (tried 4 times)",
        true,
      ],
      [
        "slow",
        job("/silence", { timeout_seconds: 1.5 }),
        `took longer than 1.5 s: was still fetching ${url("/silence")}`,
        true,
      ],
      [
        "nonsense",
        Buffer.from("{}"),
        "the job in TaskInfo.data is invalid: version: this executor knows version 1 of the job alone",
        false,
      ],
      ["empty", Buffer.alloc(0), "the job in TaskInfo.data is empty", false],
    ];
    await scheduler.launch(executorInfo("bad"), [
      ...failing.map(([id, data]) => ({ id, data })),
      { id: "fine", data: job("/coffee.png") },
    ]);
    for (const [id, , message, retryable] of failing) {
      const status = await scheduler.update(id, TERMINAL);
      expect([id, TaskState[status.state ?? 0]]).toEqual([id, "TASK_FAILED"]);
      expect(status.message).toContain(message);
      expect(parseFailure(status.data)).toMatchObject({ version: 1, retryable });
    }
    expect((await scheduler.update("fine", TERMINAL)).state).toBe(TaskState.TASK_FINISHED);
  }, 60_000);

  it("kills a task that hangs", async () => {
    await scheduler.launch(executorInfo("killed"), [{ id: "hanging", data: job("/silence") }]);
    expect((await scheduler.update("hanging", [TaskState.TASK_RUNNING, ...TERMINAL])).state).toBe(
      TaskState.TASK_RUNNING,
    );
    await scheduler.kill("hanging");
    const status = await scheduler.update("hanging", TERMINAL);
    expect([status.state, status.message]).toEqual([TaskState.TASK_KILLED, "Task was killed"]);
  }, 60_000);

  it("outlives its agent: a task that runs when all of Mesos is killed ends when Mesos is back", async () => {
    await scheduler.launch(executorInfo("survivor"), [{ id: "survives", data: job("/later") }]);
    expect((await scheduler.update("survives", [TaskState.TASK_RUNNING, ...TERMINAL])).state).toBe(
      TaskState.TASK_RUNNING,
    );
    cluster.kill("SIGKILL");
    await once(cluster, "exit");
    release(); // the result and its update come up while there is no agent
    while (!uploads.has("/out/later")) await new Promise((resolve) => setTimeout(resolve, 50));
    await startCluster("--port", new URL(master).port, "--keep");
    await scheduler.resubscribe(FRAMEWORK);
    const status = await scheduler.update("survives", TERMINAL);
    expect([TaskState[status.state ?? 0], status.message]).toEqual(["TASK_FINISHED", "png, 600 x 400 pixels"]);
  }, 90_000);
});
