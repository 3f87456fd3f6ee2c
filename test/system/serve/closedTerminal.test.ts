import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { startProcess } from "../../support/childProcess.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";
import { at } from "../../support/paths.js";

const cleanup = cleanupAfterAll();

test("a bridge ends in order when its terminal is closed, which sends SIGHUP too", async () => {
  const dir = await cleanup.tempDir();
  const socket = join(dir, "socket");
  const serve = `serve --master 127.0.0.1:1 --listen unix:${socket} --data-dir ${dir}/data`;
  const terminal = await startProcess({
    command: "script",
    args: [
      "--quiet",
      "--flush",
      "--command",
      `exec ${process.execPath} ${at("dist/server/main.js")} ${serve}`,
      "/dev/null",
    ],
    ready: /^ready (\S+)\r?$/m,
  });
  cleanup.defer(() => terminal.kill());
  const [bridge = 0] = readFileSync(`/proc/${terminal.pid}/task/${terminal.pid}/children`, "utf8")
    .split(" ")
    .map(Number);
  cleanup.defer(() => {
    if (existsSync(`/proc/${bridge}`)) process.kill(bridge, "SIGKILL");
  });
  expect(existsSync(socket)).toBe(true);
  process.kill(bridge, "SIGHUP");
  await terminal.logged(/were read again/);
  await terminal.kill();
  await eventually(() => expect(existsSync(`/proc/${bridge}`)).toBe(false));
  // A killed bridge leaves it behind.
  expect(existsSync(socket)).toBe(false);
});
