import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdir, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { extract } from "tar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildExecutorArchive } from "../../../executor/archive.js";
import { encodeJob, parseFailure } from "../../../executor/inverter/job.js";
import { runtimePackages } from "../../../executor/runtimePackages.js";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { FakeAgent } from "../../unit/executor/fakeAgent.js";

const root = join(import.meta.dirname, "../../..");
let folder: string;
let sandbox: string;
let command: string;

beforeAll(async () => {
  execFileSync(process.execPath, [join(root, "scripts/bundle-executor.mjs")], { stdio: "ignore" });
  folder = mkdtempSync(join(tmpdir(), "archive-"));
  sandbox = join(folder, "sandbox");
  await mkdir(sandbox);
  const archive = await buildExecutorArchive({ cacheFolder: join(folder, "cache") });
  command = archive.command;
  await extract({ file: archive.path, cwd: sandbox });
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the archive", () => {
  it("has the same bytes whenever and wherever it is packed, is packed once, and stays small", async () => {
    const first = await buildExecutorArchive({ cacheFolder: join(folder, "cache") });
    const packed = statSync(first.path).mtimeMs;
    const second = await buildExecutorArchive({ cacheFolder: join(folder, "other") });
    expect(second.fileName).toBe(first.fileName);
    expect(readFileSync(second.path).equals(readFileSync(first.path))).toBe(true);
    await buildExecutorArchive({ cacheFolder: join(folder, "cache") });
    expect(statSync(first.path).mtimeMs).toBe(packed);
    expect(statSync(first.path).size).toBeLessThan(12 * 1024 * 1024);
  });

  it("runs where nothing but Node is, and ends a task on an agent", async () => {
    const agent = await FakeAgent.start();
    const nothing = join(folder, "node-alone");
    await mkdir(nothing);
    await symlink(process.execPath, join(nothing, "node"));
    const env = { PATH: nothing, ...agent.environment({ INVERTER_IDLE_TIMEOUT: "100ms" }) };
    const child = spawn("/bin/sh", ["-c", command], { cwd: sandbox, env, stdio: ["ignore", "ignore", "pipe"] });
    const errors: Buffer[] = [];
    child.stderr.on("data", (chunk: Buffer) => errors.push(chunk));
    try {
      const stream = await agent.subscriptions.next();
      stream.subscribed();
      const url = `http://127.0.0.1:${agent.port}/no-such-place`;
      stream.launch("a", { data: encodeJob({ version: 1, input_url: url.replace(/:\d+/, ":1"), output_url: url }) });
      await agent.update(TaskState.TASK_RUNNING);
      const status = await agent.update(TaskState.TASK_FAILED);
      expect(status.message).toBe("server gone: connection refused by 127.0.0.1:1 (tried 4 times)");
      expect(parseFailure(status.data)).toEqual({ version: 1, stage: "fetching", retryable: true });
      const [code] = await once(child, "exit");
      expect([code, Buffer.concat(errors).toString()]).toEqual([0, expect.stringContaining("no task for 100 ms")]);
    } finally {
      child.kill("SIGKILL");
      await agent.stop();
    }
  });

  it("says what an agent without Node, and one with an old Node, lacks", () => {
    const run = (path: string) =>
      spawnSync("/bin/sh", ["-c", command], { cwd: sandbox, env: { PATH: path }, encoding: "utf8" });
    const missing = run("/nowhere");
    expect([missing.status, missing.stderr]).toEqual([
      127,
      "inverter: there is no node in PATH (/nowhere): agents need Node 20 or newer\n",
    ]);
    // The same file, told that it runs on an old Node.
    const old = join(folder, "old.cjs");
    writeFileSync(
      old,
      readFileSync(join(sandbox, "inverter-start.cjs"), "utf8").replace("process.versions.node", '"12.22.9"'),
    );
    const tooOld = spawnSync(process.execPath, [old], { encoding: "utf8" });
    expect([tooOld.status, tooOld.stderr]).toEqual([1, expect.stringContaining("Node 12.22.9")]);
  });

  it("started by hand says that it is an executor", () => {
    const { status, stderr } = spawnSync("/bin/sh", ["-c", command], {
      cwd: sandbox,
      env: { PATH: dirname(process.execPath) },
      encoding: "utf8",
    });
    expect(status).toBe(1);
    expect(stderr).toContain("MESOS_SLAVE_PID is not set: an executor is started by a Mesos agent");
  });
});

describe("runtime packages", () => {
  async function install(at: string, manifest: object): Promise<void> {
    await mkdir(at, { recursive: true });
    writeFileSync(join(at, "package.json"), JSON.stringify(manifest));
  }

  it("are found through dependencies, for this platform, and two versions of one side by side", async () => {
    const project = join(folder, "project");
    const modules = join(project, "node_modules");
    await install(join(modules, "top"), {
      dependencies: { shared: "1", middle: "1" },
      optionalDependencies: { here: "1", elsewhere: "1", absent: "1" },
    });
    await install(join(modules, "shared"), { version: "1.0.0" });
    await install(join(modules, "middle"), { dependencies: { shared: "2" } });
    await install(join(modules, "middle/node_modules/shared"), { version: "2.0.0", dependencies: { top: "1" } });
    await install(join(modules, "here"), { os: [process.platform], cpu: [process.arch] });
    await install(join(modules, "elsewhere"), { os: ["plan9"] });
    const found = runtimePackages("top", project);
    expect(found.map(({ target, folder: at }) => [target, at.slice(modules.length + 1)]).sort()).toEqual([
      ["node_modules/here", "here"],
      ["node_modules/middle", "middle"],
      ["node_modules/middle/node_modules/shared", "middle/node_modules/shared"],
      ["node_modules/shared", "shared"],
      ["node_modules/top", "top"],
    ]);
    await expect(async () => runtimePackages("missing", project)).rejects.toThrow("missing is not installed");
  });
});
