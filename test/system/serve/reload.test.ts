import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { type Bridge, startBridge } from "../../support/bridge.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { runCli } from "../../support/cli.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo } from "../../support/messages.js";
import { at } from "../../support/paths.js";

const cleanup = cleanupAfterAll();
let config: string;
let rules: string;
let master: AnsweringMaster;
let bridge: Bridge;

/** The addresses are flags of the test's own. */
const PLAIN = "max-frameworks = 1\nmax-observers = 9\n";

const configure = (text: string) => writeFileSync(config, text);
const hangUp = () => process.kill(bridge.process.pid, "SIGHUP");

beforeAll(async () => {
  await promisify(execFile)(process.execPath, [at("scripts/build.mjs")]);
  const dir = await cleanup.tempDir();
  config = join(dir, "bridge.toml");
  rules = join(dir, "rules.toml");
  writeFileSync(rules, rule("true"));
  configure(PLAIN);
  master = cleanup.use(await AnsweringMaster.start());
  bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--config", config, "--admission", rules] }));
}, 120_000);

const rule = (expression: string) => `[[rule]]\nname = "r"\nmessage = "m"\nexpression = "${expression}"\n`;

const attach = async (frameworkName: string) =>
  cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: frameworkInfo() }));

/** Lines of the log since `from` with this text. */
const since = (from: number, text: string) =>
  bridge
    .log()
    .slice(from)
    .split("\n")
    .filter((line) => line.includes(text));

test("SIGHUP takes limits, names what needs a restart, and keeps what runs if the file is broken", async () => {
  await attach("one");
  await expect(attach("two")).rejects.toThrow(/holds 1 frameworks,/);
  let from = bridge.log().length;
  configure('max-frameworks = 2\nmax-observers = 9\noffer-hold = "7s"\n');
  hangUp();
  await eventually(() => expect(since(from, "were read again")).toHaveLength(1));
  expect(since(from, "SIGHUP: max-frameworks counts from now on")[0]).toContain(`${config}: line 1`);
  await attach("two");
  await expect(attach("three")).rejects.toThrow(/holds 2 frameworks,/);
  expect(since(from, "SIGHUP: offer-hold was changed, which needs a restart")).toHaveLength(1);

  from = bridge.log().length;
  configure("max-framewrks = 6\n");
  hangUp();
  await eventually(() => expect(since(from, "can't be used: what runs stays as it is")).toHaveLength(1));
  expect(since(from, "SIGHUP")[0]).toContain(
    `${config}: line 1: max-framewrks is not known: did you mean 'max-frameworks'?`,
  );
  configure(PLAIN);
});

test("SIGHUP looks at the files that options name at once", async () => {
  const from = bridge.log().length;
  writeFileSync(rules, rule("tru"));
  hangUp();
  await eventually(() => expect(since(from, "files can't be used as they are now")[0]).toContain("--admission: "));
  writeFileSync(rules, rule("1 == 1"));
  hangUp();
  await eventually(() => expect(since(from, "the file of --admission was read again")).toHaveLength(1));
});

test("SIGUSR2 switches debug lines on and off", async () => {
  const from = bridge.log().length;
  process.kill(bridge.process.pid, "SIGUSR2");
  await eventually(() => expect(since(from, "the log has debug lines from now on")).toHaveLength(1));
  process.kill(bridge.process.pid, "SIGUSR2");
  await eventually(() => expect(since(from, "the log has its configured level again")).toHaveLength(1));
});

test("config check and config show say what serve would make of the same options", async () => {
  const args = ["--config", config, "--master", "zk://user:geheim@127.0.0.1:1/m", "--data-dir", bridge.dataDir];
  const shown = await runCli("config", "show", ...args);
  expect([shown.status, shown.stderr]).toEqual([0, ""]);
  expect(shown.stdout).toMatch(/^max-frameworks +1 +.*bridge\.toml: line 1$/m);
  expect(shown.stdout).not.toContain("geheim");
  const good = await runCli("config", "check", ...args);
  expect([good.status, good.stderr]).toEqual([0, ""]);
  expect(good.stdout).toMatch(/^the configuration is good: 2 from .*bridge\.toml, 2 from flags, /);
  const wrong = await runCli("config", "check", ...args, "--offer-hold", "soon", "--log-level", "loud");
  expect([wrong.status, wrong.stdout]).toEqual([2, ""]);
  expect(wrong.stderr.trimEnd().split("\n")).toHaveLength(2);
  const unreadable = await runCli("config", "check", ...args, "--admission", "/none");
  expect(unreadable.status).toBe(1);
  expect(unreadable.stderr).toMatch(/^mesos-bridge config: --admission: \/none can't be read: there is no such file/);
});
