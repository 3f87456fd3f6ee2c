import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { at } from "../support/paths.js";

const TIMEOUT_MS = 90_000;

let cleanup: Cleanup;
let folder: string;

beforeEach(async () => {
  cleanup = new Cleanup();
  folder = await cleanup.tempDir();
});
afterEach(() => cleanup.run());

/** Starts the demo with a temporary folder of its own, by which its processes are known. */
async function demo(...args: string[]): Promise<RunningProcess> {
  const env = { ...process.env, TMPDIR: folder };
  return cleanup.use(await startProcess({ command: process.execPath, args: [at("scripts/demo.mjs"), ...args], env }));
}

/** Processes that name the demo's folder in their arguments or their environment, as all its parts do. */
function processes(pattern = ""): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
        const mine = line.includes(folder) || readFileSync(`/proc/${pid}/environ`, "utf8").includes(folder);
        return mine && line.includes(pattern);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Nothing is left of the demo: no process, and no folder but the output. */
async function expectNothingLeft(): Promise<void> {
  await eventually(() => processes().length === 0, { what: "the end of all processes", timeoutMs: 15_000 });
  expect(readdirSync(folder).filter((name) => name.startsWith("mesos-bridge-demo-"))).toEqual([]);
}

describe("npm run demo", () => {
  it(
    "inverts the sample images and leaves nothing behind but the results",
    async () => {
      const output = join(folder, "out");
      const run = await demo("--output", output);
      expect((await run.exited).code, run.log()).toBe(0);
      const before = await sharp(at("images/coffee.png")).raw().toBuffer();
      const after = await sharp(join(output, "coffee-inverted.png")).raw().toBuffer();
      expect(after).toEqual(Buffer.from(before.map((value) => 255 - value)));
      expect(readFileSync(join(output, "index.html"), "utf8")).toContain("5 of 5 images inverted");
      expect(run.log()).toContain("5 of 5 inverted");
      await expectNothingLeft();
      // Its own folder is emptied when it runs again.
      await writeFile(join(output, "old.txt"), "");
      const again = await demo("--output", output, "--images", at("images"));
      expect((await again.exited).code, again.log()).toBe(0);
      expect(existsSync(join(output, "old.txt"))).toBe(false);
    },
    TIMEOUT_MS,
  );

  it(
    "ends with the status of mesos-invert",
    async () => {
      const images = join(folder, "images");
      await mkdir(images);
      await writeFile(join(images, "broken.png"), "no picture");
      const run = await demo("--output", join(folder, "out"), "--images", images);
      expect((await run.exited).code, run.log()).toBe(1);
      expect(run.log()).toContain("failed: broken.png: not an image");
      await expectNothingLeft();
    },
    TIMEOUT_MS,
  );

  it.each([
    ["before it works", /demo: bridge at/],
    ["while it works", /launched on/],
  ])(
    "ends all of its parts when interrupted %s",
    async (_, moment) => {
      const run = await demo("--output", join(folder, "out"));
      await run.logged(moment, { timeoutMs: TIMEOUT_MS });
      run.signal("SIGINT");
      expect((await run.exited).code, run.log()).toBe(130);
      await expectNothingLeft();
    },
    TIMEOUT_MS,
  );

  it.each([
    ["the embedded Mesos", "main.js local"],
    ["the bridge", "main.js serve"],
  ])(
    "says so when %s dies, with the end of its log",
    async (name, pattern) => {
      const run = await demo("--output", join(folder, "out"));
      await run.logged(/demo: bridge at/, { timeoutMs: TIMEOUT_MS });
      const [pid] = processes(pattern);
      if (pid === undefined) throw new Error(`there is no process of ${name}`);
      process.kill(pid, "SIGKILL");
      expect((await run.exited).code, run.log()).toBe(1);
      expect(run.log()).toMatch(new RegExp(`demo: ${name} ended early: got SIGKILL\\n +\\| `));
      await expectNothingLeft();
    },
    TIMEOUT_MS,
  );

  it("leaves a folder alone that no demo made, and refuses what it does not know", async () => {
    await writeFile(join(folder, "precious.txt"), "");
    const run = await demo("--output", folder);
    expect((await run.exited).code).toBe(1);
    expect(run.log()).toContain("holds files that no demo made");
    expect(existsSync(join(folder, "precious.txt"))).toBe(true);
    const unknown = await demo("--outptu", "x");
    expect((await unknown.exited).code).toBe(2);
    expect(unknown.log()).toContain("--help shows what can be given");
    const help = await demo("--help");
    expect((await help.exited).code).toBe(0);
    expect(help.log()).toContain("npm run demo -- --images");
  });
});
