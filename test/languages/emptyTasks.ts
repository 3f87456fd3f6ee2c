import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { makeCertificates } from "../conformance/certificates.js";
import { ScriptedBridge } from "../conformance/scriptedBridge.js";
import { startStranger } from "../conformance/stranger.js";
import type { Bridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { type Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import { type BridgeSuite, describeBridge } from "../support/describeBridge.js";
import { eventually, within } from "../support/eventually.js";
import { HttpProxy, proxyEnvironment } from "../support/httpProxy.js";
import { at } from "../support/paths.js";
import { TcpProxy } from "../support/tcpProxy.js";
import type { Program } from "./program.js";

/** Building one from nothing downloads what it needs. */
const BUILD_TIMEOUT_MS = 600_000;
const RUN_TIMEOUT_MS = 60_000;
let names = 0;

export interface EmptyTasksOptions {
  /** Gives the program, built if it was not. */
  build: () => Promise<Program>;
  /** How `--give-up-after` is written. Default: as seconds. */
  duration?: (seconds: number) => string;
}

type StartOn = (address: string, ...args: string[]) => Promise<{ running: RunningProcess; name: string }>;

/** What `empty-tasks` does in any language, with the bridge on both Mesoses and without a bridge. */
export function testEmptyTasks(language: string, { build, duration = String }: EmptyTasksOptions): void {
  let program: Program = { command: "", args: [] };
  let building: Promise<Program> | undefined;
  const start = (...args: string[]) => startProcess({ ...program, args: [...program.args, ...args] });
  // Once for both Mesoses, which begin at the same time.
  const prepare = () =>
    beforeAll(async () => {
      building ??= build();
      program = await building;
    }, BUILD_TIMEOUT_MS);

  const startBesideProxy = (env: Record<string, string>, ...args: string[]) => {
    const { command, args: own, cwd, env: base = process.env } = program;
    return startProcess({
      command,
      args: [...own, ...args],
      env: { ...base, ...env },
      ...(cwd !== undefined && { cwd }),
    });
  };

  // Ten tasks have room at once: the others are launched when those have ended.
  describeBridge(`empty-tasks in ${language}`, { resources: "cpus:1;mem:2048" }, (suite, kind) => {
    prepare();
    const startOn: StartOn = async (address, ...args) => {
      const name = `empty-tasks-${language}-${++names}`;
      const running = await start("--bridge", address, "--framework-name", name, ...args);
      suite().cleanup.use(running);
      return { running, name };
    };
    testTasks(suite, startOn, duration);
    // The rest is between the program and the bridge, whatever Mesos stands behind it.
    if (kind !== "embedded") return;
    testTwo(suite, start);
    testAccess(suite, start);
    testInterrupts(suite, startOn, duration);
    testStandby(suite, start);

    it("goes past a proxy that the environment names", { timeout: RUN_TIMEOUT_MS }, async () => {
      const { bridge, cleanup } = suite();
      const proxy = cleanup.use(await HttpProxy.start(403));
      const args = [
        "--bridge",
        bridge.address,
        "--framework-name",
        `proxy-${language}`,
        "--give-up-after",
        duration(20),
      ];
      const running = cleanup.use(await startBesideProxy(proxyEnvironment(`127.0.0.1:${proxy.port}`), ...args));
      const { code } = await running.exited;
      expect(code, running.log()).toBe(0);
      expect(proxy.connections).toBe(0);
    });
  });

  describe(`empty-tasks in ${language}, without a bridge`, () => {
    prepare();
    testWithoutBridge(start, duration, cleanupAfterAll());
  });
}

/** A command that runs until `open` is called, or the test ends. So no task has ended before what a test does. */
async function gate({ cleanup }: BridgeSuite): Promise<{ command: string; open: () => void }> {
  const folder = await cleanup.tempDir();
  const file = join(folder, "open");
  return {
    command: `while [ -d ${folder} ] && [ ! -e ${file} ]; do sleep 0.1; done`,
    open: () => writeFileSync(file, ""),
  };
}

function testTasks(suite: () => BridgeSuite, start: StartOn, duration: (seconds: number) => string): void {
  it("launches tasks and sees them finish", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { running } = await start(suite().bridge.address, "--tasks", "12");
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^12 of 12 finished, 0 failed$/m);
    expect(code, running.log()).toBe(0);
  });

  it("goes on where it was when the bridge is killed and started again", { timeout: RUN_TIMEOUT_MS }, async () => {
    const bridge = await suite().ownBridge();
    const { command, open } = await gate(suite());
    const args = ["--tasks", "20", "--command", command, "--give-up-after", duration(30)];
    const { running } = await start(bridge.address, ...args);
    await running.logged(/^launched \d+/m, { timeoutMs: 20_000 });
    await bridge.kill();
    await running.logged(/^not attached to the bridge: /m);
    await bridge.restart();
    open();
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^20 of 20 finished, 0 failed$/m);
    const finished = [...running.log().matchAll(/^task (\d+) finished$/gm)].map(([, number]) => Number(number));
    expect(finished.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(code, running.log()).toBe(0);
  });

  it("counts tasks that fail", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { running } = await start(suite().bridge.address, "--tasks", "2", "--command", "exit 3");
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^task 2 failed: .*TASK_FAILED/m);
    expect(running.log()).toMatch(/^0 of 2 finished, 2 failed$/m);
    expect(code, running.log()).toBe(1);
  });
}

/** Instances of one framework, of which one is active. */
function testStandby(suite: () => BridgeSuite, start: (...args: string[]) => Promise<RunningProcess>): void {
  const instances = async () => {
    const { bridge, cleanup } = suite();
    const { command, open } = await gate(suite());
    const name = `standby-${++names}`;
    const instance = async () =>
      cleanup.use(
        await start(
          "--bridge",
          bridge.address,
          "--framework-name",
          name,
          "--standby",
          "--tasks",
          "2",
          "--command",
          command,
        ),
      );
    const active = await instance();
    await active.logged(/^launched 2/m);
    const standby = await instance();
    await standby.logged(/^standing by/m);
    return { active, standby, instance, open };
  };

  it("takes over with --standby when the active one is killed", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { active, standby, instance, open } = await instances();
    const third = await instance();
    await third.logged(/^standing by/m);
    await active.kill();
    await standby.logged(/^launched 2/m);
    open();
    const { code } = await standby.exited;
    expect(standby.log()).toMatch(/^2 of 2 finished, 0 failed$/m);
    expect(code, standby.log()).toBe(0);
    // The framework has ended, and nobody is needed any more.
    const { code: last } = await third.exited;
    expect(third.log()).toMatch(/^another instance has ended the framework$/m);
    expect(last, third.log()).toBe(0);
  });

  it("hands over with --standby when it is interrupted", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { active, standby, instance, open } = await instances();
    const third = await instance();
    await third.logged(/^standing by/m);
    third.signal("SIGTERM");
    expect((await third.exited).code, third.log()).toBe(1);
    active.signal("SIGTERM");
    await active.logged(/^handing over/m);
    expect((await active.exited).code, active.log()).toBe(1);
    await standby.logged(/^launched 2/m);
    open();
    expect((await standby.exited).code, standby.log()).toBe(0);
  });

  it("needs a name for --standby", async () => {
    const { bridge, cleanup } = suite();
    const running = cleanup.use(await start("--bridge", bridge.address, "--standby"));
    const { code } = await running.exited;
    expect(running.log()).toContain("--standby needs --framework-name: the instances share one");
    expect(code).toBe(2);
  });
}

/** Two programs at the same time that are not told a name. */
function testTwo(suite: () => BridgeSuite, start: (...args: string[]) => Promise<RunningProcess>): void {
  it("runs beside another one, each with a framework name of its own", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { bridge, cleanup } = suite();
    const { command, open } = await gate(suite());
    const args = ["--bridge", bridge.address, "--tasks", "2", "--command", command];
    const both = await Promise.all([start(...args), start(...args)]);
    for (const one of both) cleanup.use(one);
    for (const one of both) await one.logged(/^launched \d+/m, { timeoutMs: 20_000 });
    open();
    for (const one of both) expect((await one.exited).code, one.log()).toBe(0);
  });
}

/** A bridge with TLS that knows its clients by tokens. */
function testAccess(suite: () => BridgeSuite, start: (...args: string[]) => Promise<RunningProcess>): void {
  it("runs on a bridge with TLS that knows it by its token, and not without", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { cleanup, ownBridge } = suite();
    const folder = await cleanup.tempDir();
    const { ca, server } = await makeCertificates(folder);
    const file = (name: string) => join(folder, name);
    const [hashes, tokenFile, rules] = [file("hashes"), file("token"), file("rules.toml")];
    writeFileSync(tokenFile, "secret-of-team-a\n", { mode: 0o600 });
    writeFileSync(hashes, `team-a ${createHash("sha256").update("secret-of-team-a").digest("hex")}\n`, { mode: 0o600 });
    const everything = 'frameworks = ["*"]\nroles = ["*"]\nusers = ["*"]\n';
    const rule = `[[rule]]\nidentities = ["token:team-a"]\nallow = ["attach", "call"]\n${everything}`;
    writeFileSync(rules, rule, { mode: 0o600 });
    const { certFile, keyFile } = server.good;
    const tls = ["--tls-cert", certFile, "--tls-key", keyFile];
    const bridge = await ownBridge([...tls, "--client-tokens", hashes, "--permissions", rules]);
    const args = ["--bridge", bridge.address, "--bridge-ca", ca, "--tasks", "2"];
    const known = cleanup.use(await start(...args, "--bridge-token-file", tokenFile));
    expect((await known.exited).code, known.log()).toBe(0);
    expect(known.log()).toMatch(/^2 of 2 finished, 0 failed$/m);
    const unknown = cleanup.use(await start(...args));
    expect((await unknown.exited).code, unknown.log()).toBe(1);
    expect(unknown.log()).toMatch(/token/);
    expect(bridge.log()).not.toContain("secret-of-team-a");
  });
}

/** Programs that wait for tasks which do not end, and are told to. */
function testInterrupts(suite: () => BridgeSuite, start: StartOn, duration: (seconds: number) => string): void {
  const startWaiting = async (address: string) => {
    const started = await start(address, "--command", (await gate(suite())).command, "--give-up-after", duration(30));
    await started.running.logged(/^launched \d+/m, { timeoutMs: 20_000 });
    return started;
  };

  async function frameworks(bridge: Bridge): Promise<string[]> {
    const client = suite().cleanup.use(new BridgeClient(bridge.address));
    const { code, response } = await client.call("listFrameworks", {});
    expect(code).toBe("OK");
    return response?.frameworks.map(({ frameworkName }) => frameworkName) ?? [];
  }

  async function expectTheEnd({ running, name }: Awaited<ReturnType<StartOn>>, bridge: Bridge): Promise<void> {
    const { code } = await within(running.exited, { timeoutMs: 20_000, what: "the end of the program" });
    expect(code, running.log()).toBe(1);
    const gone = async () => !(await frameworks(bridge)).includes(name);
    await eventually(gone, { what: `the end of the framework, of a program that said: ${running.log()}` });
  }

  it("ends its framework when it is interrupted", { timeout: RUN_TIMEOUT_MS }, async () => {
    const { bridge } = suite();
    const started = await startWaiting(bridge.address);
    expect(await frameworks(bridge)).toContain(started.name);
    started.running.signal("SIGTERM");
    await expectTheEnd(started, bridge);
  });

  it(
    "ends its framework when it is interrupted while it can't reach the bridge",
    async () => {
      const { bridge, cleanup } = suite();
      const proxy = cleanup.use(await TcpProxy.start(Number(bridge.address.split(":").at(-1))));
      const started = await startWaiting(`127.0.0.1:${proxy.port}`);
      proxy.refuse(true);
      proxy.cut();
      await started.running.logged(/^not attached to the bridge: /m);
      started.running.signal("SIGTERM");
      await started.running.logged(/^ending the framework/m);
      proxy.refuse(false);
      await expectTheEnd(started, bridge);
    },
    RUN_TIMEOUT_MS,
  );
}

function testWithoutBridge(
  start: (...args: string[]) => Promise<RunningProcess>,
  duration: (seconds: number) => string,
  cleanup: Cleanup,
): void {
  it("gives up where there is no bridge", { timeout: RUN_TIMEOUT_MS }, async () => {
    // Port 1 belongs to a service that nobody runs.
    const running = cleanup.use(await start("--bridge", "127.0.0.1:1", "--give-up-after", duration(1)));
    const { code } = await running.exited;
    expect(running.log()).toMatch(/^(mesos-)?empty-tasks: .*refused/im);
    expect(code).toBe(1);
  });

  it("says that what answers is not a bridge", { timeout: RUN_TIMEOUT_MS }, async () => {
    const certificates = await makeCertificates(await cleanup.tempDir());
    const { address } = cleanup.use(await startStranger("http", certificates));
    const running = cleanup.use(await start("--bridge", address, "--give-up-after", duration(1)));
    const { code } = await running.exited;
    const lines = running.log().split("\n");
    // When it begins to wait, if it has the time, and when it gives up: not with each try.
    const named = lines.filter((line) => line.includes(`${address} is not a Mesos bridge`));
    expect([1, 2], running.log()).toContain(named.length);
    expect(code).toBe(1);
  });

  it("uses TLS and a token, as its flags say", { timeout: RUN_TIMEOUT_MS }, async () => {
    const folder = await cleanup.tempDir();
    const certificates = await makeCertificates(folder);
    const { ca = "", cert = "", key = "" } = certificates.files;
    const listening = { tls: "good", demandsCertificate: true } as const;
    const bridge = cleanup.use(await ScriptedBridge.start(listening, certificates, folder));
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "secret-of-yesterday\n");
    const tls = ["--bridge-ca", ca, "--bridge-cert", cert, "--bridge-key", key];
    const args = [...tls, "--bridge-token-file", tokenFile];
    const running = cleanup.use(await start("--bridge", bridge.address, ...args));
    await bridge.play([{ accept: {}, token: "secret-of-yesterday" }]);
    // It is read anew, and after a token that is refused it is worth one more try.
    writeFileSync(tokenFile, "secret-of-today\n");
    await bridge.play([
      { end: { code: 16, reason: "UNAUTHENTICATED" } },
      { accept: {}, token: "secret-of-today" },
      { end: { code: 7, reason: "PERMISSION_DENIED", message: "it may not attach" } },
    ]);
    const { code } = await running.exited;
    expect(running.log()).toContain("it may not attach");
    expect(running.log()).not.toContain("secret-of");
    expect(code).toBe(1);
  });

  it.each([
    ["--bridge-ca", "/nowhere/ca.pem"],
    ["--bridge-token-file", "/nowhere/token"],
  ])("refuses a file that is not there: %s", async (...args) => {
    const running = cleanup.use(await start(...args));
    const { code } = await running.exited;
    expect(running.log()).toContain(args[1]);
    expect(code).toBe(2);
  });

  it.each([["--tasks", "0"], ["--retries", "many"], ["--nonsense"]])("refuses %s %s", async (...args) => {
    const running = cleanup.use(await start(...args));
    const { code } = await running.exited;
    // Go writes options with one hyphen.
    expect(running.log()).toContain(args[0]?.slice(1));
    expect(code).toBe(2);
  });

  it("tells its options", async () => {
    const running = cleanup.use(await start("--help"));
    const { code } = await running.exited;
    for (const flag of [
      "bridge",
      "framework-name",
      "user",
      "role",
      "tasks",
      "command",
      "retries",
      "standby",
      "give-up-after",
      "bridge-ca",
      "bridge-cert",
      "bridge-key",
      "bridge-token-file",
    ])
      expect(running.log()).toMatch(new RegExp(` --?${flag}\\s`));
    expect(code).toBe(0);
  });

  it("tells its version", async () => {
    const { version } = JSON.parse(readFileSync(at("package.json"), "utf8")) as { version: string };
    const running = cleanup.use(await start("--version"));
    const { code } = await running.exited;
    expect(running.log().trim().split(" ").at(-1)).toBe(version);
    expect(code).toBe(0);
  });
}
