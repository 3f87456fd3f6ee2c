import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startZookeeper } from "../fault/zookeeperServer.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { type RealMesos, realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { Deployment } from "./deployment.js";
import { BatchTasks, makePhotographs, resultsIn } from "./photographs.js";
import { Singularity, singularityJars } from "./singularityServer.js";

const AGENTS = 2;
const IMAGES = 120;
/** When a batch is broken into: with some of its images done, and most not. */
const SOME = IMAGES / 6;
/** What is shown of logs after a failure. */
const LAST_WORDS_CHARS = 8_000;
const PATIENCE = { timeoutMs: 180_000 };

const here = await singularityJars();
const missing = [realMesosMissing(), here.missing].filter((reason) => reason !== undefined);
if (missing.length > 0) console.error(`!!! NOT TESTED, Singularity: ${missing.join("; ")}`);

/** How long after the break things had happened, in ms, by what they are. */
type Times = Record<string, number>;

describe.skipIf(missing.length > 0 && process.env.CI !== "true")("what a real Singularity keeps running", () => {
  const cleanup = new Cleanup();
  const figures: string[] = [];
  let mesos: RealMesos;
  let singularity: Singularity;
  let deployment: Deployment;
  beforeAll(async () => {
    if (here.missing !== undefined) throw new Error(here.missing);
    const { address } = cleanup.use(await startZookeeper());
    const resources = "cpus:2;mem:4096";
    mesos = cleanup.use(await startRealMesos({ agents: AGENTS, resources, attributes: "storage:shared" }));
    const options = { jars: here.jars, master: mesos.master, zookeeper: address, cleanup };
    singularity = await Singularity.start(options, AGENTS);
    deployment = await Deployment.start(mesos, singularity, cleanup);
    await makePhotographs(deployment.site.input, IMAGES);
  });
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => {
      console.error(`what Singularity said:\n${singularity.log().slice(-LAST_WORDS_CHARS)}`);
      console.error(`what the bridges said:\n${deployment.bridgeLogs().join("\n").slice(-LAST_WORDS_CHARS)}`);
    });
  });
  afterAll(async () => {
    console.log(figures.join("\n"));
    await cleanup.run();
  });

  /** Breaks into a batch of this name, and waits for its end: each image is inverted once. */
  async function breakInto(name: string, breakIt: (output: string) => Promise<Times>): Promise<void> {
    const tasks = await BatchTasks.watch(mesos.master);
    const output = await deployment.startBatch(name);
    await eventually(() => resultsIn(output) >= SOME, { what: "some images", ...PATIENCE });
    const times = await breakIt(output);
    expect(resultsIn(output), "the batch was over before what was broken was back").toBeLessThan(IMAGES);

    await eventually(() => resultsIn(output) === IMAGES, { what: "all images", ...PATIENCE });
    const isOver = async () => (await singularity.tasksOf("photographs")).length === 0;
    await eventually(isOver, { what: "the end of the batch", ...PATIENCE });
    const done = `${IMAGES} of ${IMAGES} images inverted`;
    expect(readFileSync(join(output, "index.html"), "utf8")).toContain(done);
    const failed = await tasks.expectEachOnce(IMAGES);
    const waits = Object.entries(times).map(([what, ms]) => `${what} after ${(ms / 1000).toFixed(1)} s`);
    figures.push(`${name}: ${waits.join(", ")}; ${done}, each once; ${failed} tasks had to be repeated`);
  }

  const only = (pids: number[]): number => {
    expect(pids).toHaveLength(1);
    return pids[0] ?? -1;
  };

  it("the bridge comes back after kill -9, and the batch is complete", async () => {
    await breakInto("killed_bridge", async () => {
      const since = stopwatch();
      process.kill(only(deployment.bridges()), "SIGKILL");
      await deployment.serving();
      const serves = since();
      await deployment.attached();
      return { "the bridge serves": serves, "the client is attached": since() };
    });
  });

  it("the batch comes back after kill -9, and is complete", async () => {
    await breakInto("killed_client", async (output) => {
      const since = stopwatch();
      const first = only(deployment.batches(output));
      process.kill(first, "SIGKILL");
      const isBack = () => deployment.batches(output).some((pid) => pid !== first);
      await eventually(isBack, { what: "the next client", ...PATIENCE });
      const runs = since();
      await deployment.attached();
      return { "the next client runs": runs, "it is attached": since() };
    });
  });

  it("a bounce of the bridge completes, and so does the batch", async () => {
    const before = await singularity.tasksOf("mesos-bridge");
    await breakInto("bounced_bridge", async () => {
      const since = stopwatch();
      const first = only(deployment.bridges());
      await singularity.post("/requests/request/mesos-bridge/bounce", {});
      const bothRun = () => deployment.bridges().length === 2;
      await eventually(bothRun, { what: "the new bridge beside the old one", ...PATIENCE });
      const started = since();
      await eventually(() => !deployment.bridges().includes(first), { what: "the end of the old bridge", ...PATIENCE });
      const ended = since();
      await deployment.attached();
      return { "the new bridge runs": started, "the old one has ended": ended, "the client is attached": since() };
    });
    const isOver = async () => (await singularity.cleanups()).length === 0;
    await eventually(isOver, { what: "the end of the bounce", ...PATIENCE });
    const after = await singularity.tasksOf("mesos-bridge");
    expect(after).toHaveLength(1);
    expect(before).not.toContain(after[0]);
    const waited = deployment.bridgeLogs().filter((log) => log.includes("waiting for another bridge to end"));
    expect(waited).toHaveLength(1);
  });

  it("no bridge had anything to warn of: everything was as intended", () => {
    const lines = deployment.bridgeLogs().flatMap((log) => log.split("\n"));
    expect(lines.filter((line) => line.includes('"msg":"attached"')).length).toBeGreaterThan(0);
    expect(lines.filter((line) => line !== "" && !line.startsWith('{"level":"info",'))).toEqual([]);
  });
});

/** Gives how many ms have passed since it was made. */
function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}
