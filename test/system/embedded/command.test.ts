import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { atEnd, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { commandTask, http, type Offer, Scheduler } from "../../unit/embedded/support/peer.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
/** Inside the project, so that its packages and generated files are found. */
const bundle = join(root, "dist", `local-test-${process.pid}`, "local.mjs");

beforeAll(async () => {
  await mkdir(dirname(bundle), { recursive: true });
  const contents = `import { localCommand } from "./server/cli/localCommand.ts"; await localCommand().parseAsync(process.argv);`;
  const stdin = { contents, resolveDir: root, loader: "ts" as const };
  await build({ stdin, bundle: true, platform: "node", format: "esm", packages: "external", outfile: bundle });
}, 30_000);

afterAll(() => rm(dirname(bundle), { recursive: true, force: true }));

interface Running {
  readonly process: ChildProcess;
  stdout: string;
  stderr: string;
  readonly exit: Promise<unknown[]>;
}

function local(...args: string[]): Running {
  const child = spawn(process.execPath, [bundle, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const running: Running = { process: child, stdout: "", stderr: "", exit: once(child, "exit") };
  child.stdout.on("data", (chunk) => {
    running.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    running.stderr += chunk;
  });
  atEnd(async () => {
    child.kill("SIGKILL");
    await running.exit;
  });
  return running;
}

describe("mesos-bridge local", () => {
  test("says when it is ready, and SIGTERM ends it with its executors", async () => {
    const workDir = await temporaryDirectory();
    const running = local("--agents", "2", "--port", "0", "--work-dir", workDir, "--flag", "allocation_interval=50ms");
    await expect.poll(() => running.stdout, { timeout: 10_000 }).toMatch(/^ready http:\/\/127\.0\.0\.1:\d+\n$/);
    const url = running.stdout.slice("ready ".length).trim();
    const state = await http(`${url}/metrics/snapshot`, "", { method: "GET" });
    expect(JSON.parse(state.body)).toMatchObject({ "master/slaves_active": 2 });
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "exec sleep 1000"));
    await scheduler.update("t");
    const pid = (await scheduler.update("t")).container_status?.executor_pid ?? 0;
    expect(() => process.kill(pid, 0)).not.toThrow();
    running.process.kill("SIGTERM");
    expect(await running.exit).toEqual([0, null]);
    await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);
  });

  test("goes on when nobody reads its log any more, and SIGTERM ends it", async () => {
    const workDir = await temporaryDirectory();
    const running = local("--agents", "2", "--port", "0", "--work-dir", workDir);
    running.process.stderr?.destroy();
    await expect.poll(() => running.stdout, { timeout: 10_000 }).toMatch(/^ready /);
    const url = running.stdout.slice("ready ".length).trim();
    // Both are logged.
    for (let i = 0; i < 2; i++) await Scheduler.subscribe(url);
    const state = await http(`${url}/metrics/snapshot`, "", { method: "GET" });
    expect(JSON.parse(state.body)).toMatchObject({ "master/slaves_active": 2 });
    running.process.kill("SIGTERM");
    expect(await running.exit).toEqual([0, null]);
  });

  test("with --keep SIGTERM ends executors too, and the next run tells of it", async () => {
    const workDir = await temporaryDirectory();
    const args = ["--keep", "--port", "0", "--work-dir", workDir, "--flag", "allocation_interval=50ms"];
    const first = local(...args);
    await expect.poll(() => first.stdout, { timeout: 10_000 }).toMatch(/^ready \S+\n$/);
    const url = first.stdout.slice("ready ".length).trim();
    const framework = { checkpoint: true, failover_timeout: 600 };
    const scheduler = await Scheduler.subscribe(url, framework);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "echo $$ > pid; exec sleep 1000"));
    await scheduler.update("t");
    await scheduler.update("t");
    const executors = join(workDir, "agent-1/slaves", offer.agent_id.value, "frameworks", scheduler.frameworkId);
    const pid = Number(await readFile(join(executors, "executors/t/runs/latest/pid"), "utf8"));
    expect(isAlive(pid)).toBe(true);
    first.process.kill("SIGTERM");
    expect(await first.exit).toEqual([0, null]);
    await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);

    const second = local(...args);
    // The master has the address that it had.
    await expect.poll(() => second.stdout, { timeout: 10_000 }).toBe(first.stdout);
    const again = await Scheduler.subscribe(url, { ...framework, id: { value: scheduler.frameworkId } });
    expect(await again.update("t")).toMatchObject({ state: "TASK_FAILED", reason: "REASON_EXECUTOR_TERMINATED" });
  });

  test("with --keep a port of an agent that another program has taken meanwhile is named", async () => {
    const workDir = await temporaryDirectory();
    const first = local("--keep", "--port", "0", "--work-dir", workDir);
    await expect.poll(() => first.stdout, { timeout: 10_000 }).toMatch(/^ready \S+\n$/);
    const { body } = await http(`${first.stdout.slice("ready ".length).trim()}/slaves`, "", { method: "GET" });
    const port = Number((JSON.parse(body) as { slaves: { port: number }[] }).slaves[0]?.port);
    first.process.kill("SIGKILL");
    await first.exit;
    const taken = createServer().listen(port, "127.0.0.1");
    await once(taken, "listening");
    atEnd(() => taken.close());
    const second = local("--keep", "--port", "0", "--work-dir", workDir);
    expect(await second.exit).toEqual([1, null]);
    expect(second.stderr).toMatch(
      new RegExp(`^mesos-bridge local: port ${port} is in use: executors of this agent know it by that; end what`, "m"),
    );
    expect(second.stdout).toBe("");
  });

  test("with --keep a file that can't be read is named", async () => {
    const workDir = await temporaryDirectory();
    const first = local("--keep", "--port", "0", "--work-dir", workDir);
    await isReady(first);
    first.process.kill("SIGTERM");
    await first.exit;
    await writeFile(join(workDir, "master/registry.json"), "{");
    const running = local("--keep", "--port", "0", "--work-dir", workDir);
    expect(await running.exit).toEqual([1, null]);
    expect(running.stderr).toMatch(
      /registry\.json can't be read: remove the work directory, or start without --keep\n$/,
    );
    expect(running.stderr.trim().split("\n")).toHaveLength(1);
  });

  test("refuses the work directory of one that runs, and takes it once that one is killed", async () => {
    const workDir = await temporaryDirectory();
    const args = ["--port", "0", "--work-dir", workDir];
    const first = local(...args);
    await isReady(first);
    const second = local(...args);
    expect(await second.exit).toEqual([1, null]);
    expect(second.stdout).toBe("");
    expect(second.stderr).toMatch(
      new RegExp(
        `^mesos-bridge local: the work directory ${workDir} can't be used: \\S+ is in use by 'mesos-bridge local' ` +
          `\\(process ${first.process.pid}, since \\S+\\): stop it first, or use another directory\n$`,
      ),
    );
    first.process.kill("SIGKILL");
    await first.exit;
    await isReady(local(...args));
  });

  test("without --keep, executors that a killed run has left end with their sandboxes", async () => {
    const workDir = await temporaryDirectory();
    const args = ["--port", "0", "--work-dir", workDir, "--flag", "allocation_interval=50ms"];
    const first = local("--keep", ...args);
    const scheduler = await Scheduler.subscribe(await isReady(first), { checkpoint: true });
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "echo $$ > pid; exec sleep 1000"));
    await scheduler.update("t");
    await scheduler.update("t");
    const executors = join(workDir, "agent-1/slaves", offer.agent_id.value, "frameworks", scheduler.frameworkId);
    const pid = Number(await readFile(join(executors, "executors/t/runs/latest/pid"), "utf8"));
    first.process.kill("SIGKILL");
    await first.exit;
    expect(isAlive(pid)).toBe(true);
    await isReady(local(...args));
    await expect.poll(() => isAlive(pid), { timeout: 8000 }).toBe(false);
  });

  test("with --keep an agent that was marked gone ends the executors it left, and starts as a new one", async () => {
    const workDir = await temporaryDirectory();
    const flags = ["--flag", "allocation_interval=50ms", "--flag", "executor_shutdown_grace_period=1secs"];
    const run = (agents: number) =>
      local("--keep", "--agents", String(agents), "--port", "0", "--work-dir", workDir, ...flags);
    const kill = async ({ process, exit }: Running) => {
      process.kill("SIGKILL");
      await exit;
    };
    const first = run(2);
    const url = await isReady(first);
    const { body } = await http(`${url}/slaves`, "", { method: "GET" });
    const ids = (JSON.parse(body) as { slaves: { id: string }[] }).slaves.map(({ id }) => id);
    // They are counted in the order of their folders.
    const gone = ids.find((id) => id.endsWith("-S1")) ?? "";
    const scheduler = await Scheduler.subscribe(url, { checkpoint: true, failover_timeout: 600 });
    const offers = await scheduler.offers(2);
    const offer = offers.find(({ agent_id }) => agent_id.value === gone) as Offer;
    await scheduler.launch(offer, commandTask(offer, "t", "echo $$ > pid; exec sleep 1000"));
    await scheduler.update("t");
    await scheduler.update("t");
    const executors = join(workDir, "agent-2/slaves", gone, "frameworks", scheduler.frameworkId, "executors");
    const pid = Number(await readFile(join(executors, "t/runs/latest/pid"), "utf8"));
    await kill(first);
    const without = run(1);
    const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: gone } } };
    expect((await http(`${await isReady(without)}/api/v1`, call)).status).toBe(200);
    await kill(without);
    expect(isAlive(pid)).toBe(true);
    const second = run(2);
    await isReady(second);
    expect(second.stderr).toContain(`agent ${gone} is refused (Agent has been marked gone): it starts as a new one\n`);
    expect(isAlive(pid)).toBe(false);
  });

  test("tells in one line what is wrong", async () => {
    const workDir = await temporaryDirectory();
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    atEnd(() => taken.close());
    const port = String((taken.address() as AddressInfo).port);
    const file = join(workDir, "file");
    await writeFile(file, "");
    const cases: Array<[string[], RegExp]> = [
      [["--port", port, "--work-dir", workDir], /^mesos-bridge local: port \d+ is in use: choose another/],
      [
        ["--port", "0", "--work-dir", join(file, "x")],
        /^mesos-bridge local: the work directory .* can't be used: ENOTDIR/,
      ],
      [["--port", "0", "--work-dir", workDir, "--resources", "cpus"], /^mesos-bridge local: bad resource 'cpus'/],
      [["--port", "0", "--work-dir", workDir, "--flag", "nope=1"], /^mesos-bridge local: unknown flag 'nope'/],
      [
        ["--port", "0", "--work-dir", workDir, "--flag", "offer_timeout=5"],
        /^mesos-bridge local: flag offer_timeout: '5' is no/,
      ],
    ];
    for (const [args, line] of cases) {
      const running = local(...args);
      expect(await running.exit).toEqual([1, null]);
      expect(running.stderr).toMatch(line);
      expect(running.stderr.trim().split("\n")).toHaveLength(1);
      expect(running.stdout).toBe("");
    }
  });

  test("--help says what it is for, with an example", async () => {
    const running = local("--help");
    expect(await running.exit).toEqual([0, null]);
    expect(running.stdout).toContain("for development and tests");
    expect(running.stdout).toContain("mesos-bridge local --agents 2 --port 5050 --work-dir /tmp/mesos");
  });
});

async function isReady(running: Running): Promise<string> {
  await expect
    .poll(() => running.stdout + running.stderr.match(/^mesos-bridge local: .*/m), { timeout: 10_000 })
    .toMatch(/^ready \S+\n/);
  return running.stdout.slice("ready ".length).trim();
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
