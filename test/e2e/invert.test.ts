import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos, type MesosCluster } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { at } from "../support/paths.js";
import { SlowImages } from "../support/slowImages.js";
import { fill, smallDisk } from "../support/smallDisk.js";

const SAMPLES = ["astronaut.png", "chelsea.png", "coffee.png", "hubble_deep_field.jpg", "rocket.jpg"];

/** A JPEG is coded anew: its pixels are near, and not the same. Of 255. */
const JPEG_DISTANCE = 6;

/** The pixels of an image without its alpha, and that. */
async function pixels(path: string): Promise<{ colour: Buffer; alpha: Buffer | undefined }> {
  const image = sharp(path);
  const { hasAlpha } = await image.metadata();
  const colour = await image.clone().removeAlpha().raw().toBuffer();
  return { colour, alpha: hasAlpha ? await image.clone().extractChannel(3).raw().toBuffer() : undefined };
}

/** The mean distance of the result's pixels from the inverted ones of the original. */
async function distanceFromInverted(original: string, result: string): Promise<number> {
  const [before, after] = [await pixels(original), await pixels(result)];
  expect(after.colour.length).toBe(before.colour.length);
  expect(after.alpha).toEqual(before.alpha);
  let sum = 0;
  for (const [i, value] of before.colour.entries()) sum += Math.abs(255 - value - (after.colour[i] ?? 0));
  return sum / before.colour.length;
}

describeEachMesos("mesos-invert", { agents: 2, flags: { allocation_interval: "100ms" } }, (mesos, kind) => {
  let bridge: Bridge;
  let cleanup: Cleanup;
  let output: string;

  beforeAll(async () => {
    bridge = await startBridge({ master: mesos().master });
  });
  afterAll(() => bridge?.stop());
  beforeEach(async ({ onTestFailed }) => {
    cleanup = new Cleanup();
    output = join(await cleanup.tempDir(), "out");
    onTestFailed(() => console.error(`what the bridge said:\n${bridge.log().slice(-4_000)}`));
  });
  afterEach(() => cleanup.run());

  async function start(...args: string[]): Promise<RunningProcess> {
    const program = at("dist/clients/typescript/invert/main.js");
    const all = [program, "--bridge", bridge.address, "--output", output, ...args];
    return cleanup.use(await startProcess({ command: process.execPath, args: all }));
  }

  async function run(...args: string[]): Promise<{ status: number | null; log: string }> {
    const invert = await start(...args);
    const { code } = await invert.exited;
    return { status: code, log: invert.log() };
  }

  it("inverts the sample images, pixel by pixel, and shows them", async () => {
    const { status, log } = await run(at("images"));
    expect(status, log).toBe(0);
    for (const name of SAMPLES) {
      const result = join(output, name.replace(/\.(\w+)$/, "-inverted.$1"));
      expect(await distanceFromInverted(at("images", name), result)).toBeLessThan(
        name.endsWith(".png") ? 1e-9 : JPEG_DISTANCE,
      );
    }
    expect(readFileSync(join(output, "index.html"), "utf8")).toContain("5 of 5 images inverted");
    expect((await readdir(output)).filter((name) => !name.startsWith(".")).length).toBe(SAMPLES.length + 2);
    expect(log).toMatch(/5 of 5 inverted in .* see .*index\.html/);
    await expectNoFramework();
  });

  it("goes on after it was killed: what runs is found again, and runs once", async () => {
    const images = cleanup.use(await SlowImages.start());
    const args = [at("images/rocket.jpg"), images.url("one.jpg"), images.url("two.jpg")];
    const first = await start(...args);
    await first.logged(/rocket\.jpg: done/);
    await eventually(() => images.asked.length === 2, { what: "the fetches of both" });
    // What is done is shown before it is stored. Killed in between, the next run would hear of it once more.
    const isStored = () => readFileSync(join(output, ".invert-ledger.jsonl"), "utf8").includes('"state":"done"');
    await eventually(isStored, { what: "the ledger's line of the one that is done" });
    await first.kill();
    const second = await start(...args);
    await second.logged(/going on: 1 of 3 done before, 2 may still run/);
    await second.logged(/one\.jpg: running/);
    await second.logged(/two\.jpg: running/);
    images.open();
    expect((await second.exited).code, second.log()).toBe(0);
    expect(images.asked.sort()).toEqual(["/one.jpg", "/two.jpg"]);
    expect(second.log()).not.toContain("launched");
    for (const name of ["one", "two"]) {
      expect(await distanceFromInverted(at("images/rocket.jpg"), join(output, `${name}-inverted.jpg`))).toBeLessThan(
        JPEG_DISTANCE,
      );
    }
    await expectNoFramework();
  });

  it("tries again what ended while nobody was there to take the result", async () => {
    const images = cleanup.use(await SlowImages.start());
    const failures = () => executorLogs(mesos()).filter((log) => /TASK_FAILED: server gone/.test(log)).length;
    const before = failures();
    const first = await start(images.url("one.jpg"));
    await eventually(() => images.asked.length === 1, { what: "the fetch" });
    await first.kill();
    images.open();
    // The executor gives up on a server that is gone after four tries: then the task has failed.
    await eventually(() => failures() > before, { what: "the failure of the upload" });
    const { status, log } = await run(images.url("one.jpg"));
    expect(status, log).toBe(0);
    expect(log).toContain("one.jpg: is launched again");
    expect(images.asked.length).toBe(2);
  });

  it("kills its tasks when interrupted, and goes on when called again", async () => {
    const images = cleanup.use(await SlowImages.start());
    const first = await start(images.url("one.jpg"), at("images/rocket.jpg"));
    await first.logged(/rocket\.jpg: done/);
    await first.logged(/one\.jpg: fetching/);
    first.signal("SIGINT");
    expect((await first.exited).code, first.log()).toBe(130);
    expect(first.log()).toContain("interrupted: killing 1 task");
    expect(first.log()).toContain("run the same command again to continue with the other 1 image");
    await expectNoFramework();
    images.open();
    const { status, log } = await run(images.url("one.jpg"), at("images/rocket.jpg"));
    expect(status, log).toBe(0);
    expect(log).toContain("1 of 2 done before");
  });

  it("starts anew what an executor lost that was killed", async () => {
    const images = cleanup.use(await SlowImages.start());
    const invert = await start(images.url("one.jpg"));
    await eventually(() => images.asked.length === 1, { what: "the fetch" });
    const [pid] = executorProcesses(mesos());
    if (pid === undefined) throw new Error("there is no executor process");
    process.kill(pid, "SIGKILL");
    await eventually(() => images.asked.length === 2, { what: "the second fetch" });
    images.open();
    expect((await invert.exited).code, invert.log()).toBe(0);
    expect(invert.log()).toMatch(/one\.jpg: is launched again: TASK_FAILED, REASON_EXECUTOR_TERMINATED/);
    await expectNoFramework();
  });

  it("names the executor's address when agents can't fetch it", async () => {
    const { status, log } = await run("--retries", "0", "--advertise-host", "nowhere.invalid", at("images/rocket.jpg"));
    expect(status, log).toBe(1);
    expect(log).toMatch(
      /failed: rocket\.jpg: lost once: .*fetch the executor from http:\/\/nowhere\.invalid:\d+\/executor\/…; .*--advertise-host/,
    );
    await expectNoFramework();
  });

  // The rest is between the program, its folder and the bridge, whatever Mesos stands behind it.
  if (kind === "embedded") {
    it("does nothing again when called again, and only what is new", async () => {
      expect((await run(at("images/rocket.jpg"))).status).toBe(0);
      const { status, log } = await run(at("images/rocket.jpg"), at("images/coffee.png"));
      expect(status, log).toBe(0);
      expect(log).toContain("1 of 2 done before");
      expect(log).not.toMatch(/rocket\.jpg: launched/);
      expect(log).toMatch(/coffee\.png: done/);
    });

    it("says which images can't be inverted and why, and inverts the others", async () => {
      const folder = await cleanup.tempDir();
      await mkdir(join(folder, "same"));
      await writeFile(join(folder, "broken.png"), "no picture");
      await copyFile(at("images/rocket.jpg"), join(folder, "a & <b>.jpg"));
      await copyFile(at("images/coffee.png"), join(folder, "same/a.png"));
      await copyFile(at("images/chelsea.png"), join(folder, "a.png"));
      const gone = "http://127.0.0.1:9/none.png";
      const { status, log } = await run("--retries", "0", "--recursive", folder, gone);
      expect(status, log).toBe(1);
      expect(log).toContain("failed: broken.png: not an image: it starts with 'no picture'");
      expect(log).toMatch(/failed: none\.png: lost once: .*connection refused/);
      expect(log).toContain("3 of 5 inverted");
      const names = ["a & _b_-inverted.jpg", "a-inverted.png", "a-inverted-2.png"];
      for (const name of names) expect(existsSync(join(output, name)), name).toBe(true);
      const page = readFileSync(join(output, "index.html"), "utf8");
      expect(page).toContain("<h2>a &amp; &lt;b&gt;.jpg</h2>");
      expect(page).toContain("no picture");
    });

    it("leaves out what can't be used, names it, and inverts the others", async () => {
      const folder = await cleanup.tempDir();
      await copyFile(at("images/rocket.jpg"), join(folder, "rocket.jpg"));
      await writeFile(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from("caf\xe9.png", "latin1")]), "x");
      await symlink(join(folder, "nowhere"), join(folder, "link.png"));
      const { status, log } = await run(folder, join(folder, "none.png"));
      expect(status, log).toBe(1);
      for (const problem of [
        "caf\\xe9.png can't be used: its name is not UTF-8",
        "link.png can't be read: there is no such file or folder",
        "none.png can't be read: there is no such file or folder",
      ]) {
        expect(log.split(`left out: ${join(folder, problem)}\n`).length, problem).toBe(3);
      }
      expect(log).toMatch(/1 of 1 inverted in .*, 3 left out; see /);
      expect(readFileSync(join(output, "index.html"), "utf8")).toContain("caf\\xe9.png");
      // Also when all images were done before.
      expect((await run(folder)).status).toBe(1);
    });

    it("waits for a bridge that is killed and comes back", async () => {
      const own = cleanup.use(await startBridge({ master: mesos().master }));
      const images = cleanup.use(await SlowImages.start());
      const invert = await start("--bridge", own.address, images.url("one.jpg"), at("images/rocket.jpg"));
      await invert.logged(/rocket\.jpg: done/);
      await own.kill();
      await invert.logged(/not attached to the bridge/);
      await own.restart();
      await invert.logged(/ attached to the bridge/);
      images.open();
      expect((await invert.exited).code, invert.log()).toBe(0);
      expect(images.asked).toEqual(["/one.jpg"]);
    });

    it("writes the gallery and lets the folder go when it is interrupted while it makes the pictures", async () => {
      const images = cleanup.use(await SlowImages.start());
      const file = join(await cleanup.tempDir(), "rocket.jpg");
      await copyFile(at("images/rocket.jpg"), file);
      const invert = await start(file, images.url("one.jpg"));
      await invert.logged(/rocket\.jpg: done/);
      // Its picture is never done: nobody writes to this pipe.
      await rm(file);
      execFileSync("mkfifo", [file]);
      images.open();
      await invert.logged(/making the gallery: pictures of 0 of 2 images/);
      invert.signal("SIGINT");
      await invert.logged(/interrupted: the gallery goes without the pictures that are missing/);
      expect((await invert.exited).code, invert.log()).toBe(130);
      expect(invert.log()).toMatch(/2 of 2 inverted in .* see .*index\.html/);
      expect(readFileSync(join(output, "index.html"), "utf8")).toContain("2 of 2 images inverted");
      expect(existsSync(join(output, ".invert-lock"))).toBe(false);
      await expectNoFramework();
    });

    it("gives up when the bridge stays away, and shows what it has", async () => {
      const own = cleanup.use(await startBridge({ master: mesos().master }));
      const images = cleanup.use(await SlowImages.start());
      const args = ["--bridge", own.address, "--give-up-after", "1", images.url("one.jpg"), at("images/rocket.jpg")];
      const invert = await start(...args);
      await invert.logged(/rocket\.jpg: done/);
      await own.kill();
      expect((await invert.exited).code, invert.log()).toBe(1);
      expect(invert.log()).toMatch(/mesos-invert: gave up after 1 s without the bridge at \S+: .*refused/i);
      expect(invert.log()).toMatch(/1 of 2 inverted in .* see .*index\.html/);
      expect(readFileSync(join(output, "index.html"), "utf8")).toContain("1 of 2 images inverted");
      // It is all found again.
      await own.restart();
      images.open();
      const { status, log } = await run(...args);
      expect(status, log).toBe(0);
      expect(log).toContain("going on: 1 of 2 done before, 1 may still run");
    });

    it("says that its disk is full, and goes on once there is room", async (context) => {
      const disk = await smallDisk(cleanup, context);
      const filler = join(disk, "filler");
      const images = cleanup.use(await SlowImages.start());
      const args = ["--output", join(disk, "out"), images.url("one.jpg")];
      fill(filler);
      const full = await run(...args);
      expect(full.status, full.log).toBe(2);
      expect(full.log).toMatch(/^mesos-invert: --output: \S+out can't be used: there is no space left\n$/);
      await rm(filler);

      const invert = await start(...args);
      await eventually(() => images.asked.length === 1, { what: "the fetch" });
      fill(filler);
      images.open();
      expect((await invert.exited).code, invert.log()).toBe(1);
      expect(invert.log()).toMatch(
        /^mesos-invert: \S+\/out\S* can't be written: there is no space left\. Once it can be written again, run .*$/m,
      );
      expect(invert.log()).not.toContain("    at ");
      await rm(filler);
      const { status, log } = await run(...args);
      expect(status, log).toBe(0);
      expect(await distanceFromInverted(at("images/rocket.jpg"), join(disk, "out/one-inverted.jpg"))).toBeLessThan(
        JPEG_DISTANCE,
      );
      await expectNoFramework();
    });
  }

  /** The framework has ended: the bridge has forgotten it, and Mesos has ended its executors. */
  async function expectNoFramework(): Promise<void> {
    const client = cleanup.use(new BridgeClient(bridge.address));
    const { response } = await client.call("listFrameworks", {});
    expect(response?.frameworks.map(({ frameworkName }) => frameworkName)).toEqual([]);
    await eventually(() => executorProcesses(mesos()).length === 0, { what: "the end of the executors" });
  }
});

/** What the executors of a cluster wrote. */
function executorLogs({ workDir }: MesosCluster): string[] {
  const files = readdirSync(workDir, { recursive: true, withFileTypes: true });
  return files
    .filter((file) => file.isFile() && file.name === "stderr" && file.parentPath.includes("/runs/"))
    .map((file) => readFileSync(join(file.parentPath, file.name), "utf8"));
}

/** The processes that run in the sandboxes of a cluster. */
function executorProcesses({ workDir }: MesosCluster): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, "utf8");
        return line.includes("inverter-start.cjs") && readFileSync(`/proc/${pid}/environ`, "utf8").includes(workDir);
      } catch {
        return false;
      }
    })
    .map(Number);
}

describe("mesos-invert without a master", () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it("says at once why nothing happens, and ends at once when it is told to: no task has to be killed", async () => {
    // Nothing listens there.
    const bridge = cleanup.use(await startBridge({ master: "127.0.0.1:9" }));
    const output = join(await cleanup.tempDir(), "out");
    const program = at("dist/clients/typescript/invert/main.js");
    const args = [program, "--bridge", bridge.address, "--output", output, at("images/rocket.jpg")];
    const invert = cleanup.use(await startProcess({ command: process.execPath, args }));
    const why = "the bridge has no Mesos master: nothing listens at 127.0.0.1:9";
    await invert.logged(new RegExp(`nothing could be launched for \\S+ s: ${why}`), { timeoutMs: 20_000 });
    // The first time it was told without waiting.
    expect(invert.log()).toMatch(new RegExp(`^ +[\\d.]+ s  ${why}\n[^]*nothing could be launched`, "m"));
    expect(existsSync(join(output, ".invert-lock"))).toBe(true);
    invert.signal("SIGTERM");
    expect((await invert.exited).code).toBe(130);
    expect(invert.log()).toContain(`interrupted: ${why}`);
    expect(existsSync(join(output, ".invert-lock"))).toBe(false);
  });
});

describe("mesos-invert, called wrongly", () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  it.each([
    ["without --output", [at("images")], "--output"],
    ["without images", ["--output", "OUT"], "name at least one image"],
    ["with a file that is not there", ["--output", "OUT", "none.png"], "none.png can't be read: there is no such file"],
    ["with an unknown option", ["--output", "OUT", "--paralel", "3", "x.png"], "unknown option '--paralel'"],
    ["with a bad number", ["--output", "OUT", "--retries", "-1", "x.png"], "whole number"],
    ["with a bad bridge", ["--output", "OUT", "--bridge", "nowhere", "x.png"], "It must be HOST:PORT"],
    ["with an output in /proc", ["--output", "/proc/zz/a", at("images/rocket.jpg")], "/proc/zz/a can't be used"],
    ["with no name as output", ["--output", "", at("images/rocket.jpg")], "--output: name a folder"],
    ["with a file as output", ["--output", at("package.json"), at("images/rocket.jpg")], "can't be used"],
  ])("%s says so in a line and ends with 2", async (_, args, text) => {
    const out = await cleanup.tempDir();
    const program = at("dist/clients/typescript/invert/main.js");
    const all = [program, ...args.map((arg) => (arg === "OUT" ? out : arg))];
    const invert = cleanup.use(await startProcess({ command: process.execPath, args: all }));
    expect((await invert.exited).code).toBe(2);
    expect(invert.log()).toContain(text);
    expect(invert.log()).not.toContain("    at ");
  });
});
