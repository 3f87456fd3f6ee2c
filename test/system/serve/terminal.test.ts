import { afterEach, expect, test } from "vitest";
import { AnsweringMaster } from "../../support/answeringMaster.js";
import { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { type RunningProcess, startProcess } from "../../support/childProcess.js";
import { Cleanup } from "../../support/cleanup.js";
import { frameworkInfo } from "../../support/messages.js";
import { at } from "../../support/paths.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const ESCAPE = String.fromCharCode(27);

/** A bridge whose stdout and stderr are a terminal, which util-linux's `script` makes. */
async function bridgeOnTerminal(master: string, env: NodeJS.ProcessEnv, flags: readonly string[] = []) {
  const dataDir = `${await cleanup.tempDir()}/data`;
  const serve = `serve --master ${master} --listen 127.0.0.1:0 --data-dir ${dataDir} ${flags.join(" ")}`;
  // `exec`: the signal that ends `script` goes to the process in its terminal.
  const command = `exec ${process.execPath} ${at("dist/server/main.js")} ${serve}`;
  const running = await startProcess({
    command: "script",
    args: ["--quiet", "--flush", "--return", "--command", command, "/dev/null"],
    env: { ...process.env, TERM: "xterm", NO_COLOR: "", ...env },
    ready: /^ready (\S+)\r?$/m,
  });
  cleanup.defer(() => running.stop());
  return running;
}

async function attach(running: RunningProcess): Promise<void> {
  const request = { frameworkName: "jobs", frameworkInfo: frameworkInfo() };
  cleanup.use(await BridgeScheduler.attach(running.ready[1] ?? "", request));
  await running.logged(/subscribed/);
}

test("on a terminal the log is readable and has colours, and --log-format json is as elsewhere", async () => {
  const master = cleanup.use(await AnsweringMaster.start());
  const [coloured, plain, json] = await Promise.all([
    bridgeOnTerminal(master.host, {}),
    bridgeOnTerminal(master.host, { NO_COLOR: "1" }),
    bridgeOnTerminal(master.host, {}, ["--log-format", "json"]),
  ]);
  for (const bridge of [coloured, plain, json]) await attach(bridge);
  expect(coloured.log()).toContain(`${ESCAPE}[32mINFO `);
  expect(plain.log()).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO {2}subscribed framework=jobs master=127\.0\.0\.1:\d+\r?$/m,
  );
  for (const unwanted of ['{"level"', ESCAPE]) expect(plain.log()).not.toContain(unwanted);
  expect(json.log()).toMatch(/^\{"level":"info","time":"[^"]+Z","framework":"jobs"[^\n]*"msg":"subscribed"\}\r?$/m);
});
