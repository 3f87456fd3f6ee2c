import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { LogStore } from "../../server/store/logStore.js";
import { startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { at } from "../support/paths.js";
import { Lines } from "../unit/store/samples.js";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Calls of the system that fail with EIO while a file of their name lies in the directory that FAILING names. */
const LIBRARY = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
static int fails(const char *name) {
  char path[4096];
  const char *folder = getenv("FAILING");
  if (!folder) return 0;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  if (access(path, F_OK) != 0) return 0;
  errno = EIO;
  return 1;
}
int fdatasync(int file) { return fails("fdatasync") ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
int fsync(int file) { return fails("fsync") ? -1 : ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
`;

/** Puts a framework after each change of what fails, and says what became of it. */
const PROGRAM = `
import { rmSync, writeFileSync } from "node:fs";
import { LogStore } from ${JSON.stringify(at("dist/server/store/logStore.js"))};
const say = (level) => ({ err }, text) => console.log(level + " " + text + ": " + err?.message);
const log = { debug() {}, info() {}, warn: say("warn"), error: say("error") };
const store = await LogStore.open(process.env.DATA_DIR, { log });
const fail = (call) => writeFileSync(process.env.FAILING + "/" + call, "");
const mend = (call) => rmSync(process.env.FAILING + "/" + call);
const put = (name) => store.put({ frameworkName: name, frameworkId: "id", frameworkInfo: Buffer.alloc(0), suppressedRoles: [],
  offerConstraints: Buffer.alloc(0), leaseMs: 1, expiryPolicy: "disconnect", open: true, detachedAtMs: undefined })
  .then(() => console.log("put " + name), (error) => console.log("refused " + name + ": " + error.message));
await put("before");
fail("fdatasync");
await put("unsynced");
fail("fsync");
await put("no new file");
mend("fdatasync");
await put("no new file either");
mend("fsync");
await put("after");
console.log("done");
await store.close();
`;

test("after an error of fsync the file is not trusted: another one is written, and what was refused is not in it", async ({
  skip,
}) => {
  const folder = await cleanup.tempDir();
  const library = join(folder, "failing.so");
  writeFileSync(join(folder, "failing.c"), LIBRARY);
  const compiled = spawnSync("cc", ["-shared", "-fPIC", "-o", library, join(folder, "failing.c"), "-ldl"]);
  if (compiled.status !== 0) return skip("there is no C compiler here");
  const dataDir = join(folder, "data");
  const child = cleanup.use(
    await startProcess({
      command: process.execPath,
      args: ["--input-type=module", "--eval", PROGRAM],
      env: { ...process.env, LD_PRELOAD: library, FAILING: folder, DATA_DIR: dataDir },
      ready: /^done$/m,
    }),
  );
  await child.exited;
  const lines = child.log().trimEnd().split("\n");
  expect(lines.filter((line) => /^(put|refused)/.test(line))).toEqual([
    "put before",
    expect.stringMatching(/^refused unsynced: EIO/),
    expect.stringMatching(/^refused no new file: EIO/),
    expect.stringMatching(/^refused no new file either: EIO/),
    "put after",
  ]);
  expect(lines.filter((line) => line.startsWith("error"))).toEqual([
    expect.stringMatching(/^error the log of frameworks is lost: it will be rewritten from memory: EIO/),
  ]);
  const store = await LogStore.open(dataDir, { log: new Lines() });
  cleanup.defer(() => store.close());
  expect(store.frameworks().map(({ frameworkName }) => frameworkName)).toEqual(["after", "before"]);
});
