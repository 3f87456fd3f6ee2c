import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Batch, seeded } from "../support/batch.js";
import { startBridge } from "../support/bridge.js";
import { Cleanup } from "../support/cleanup.js";
import type { ClusterOptions, MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { realMesosMissing, startRealMesos } from "../support/realMesos.js";
import { TcpProxy } from "../support/tcpProxy.js";

const only = process.env.MESOS;
const real = only !== "embedded" && (realMesosMissing() === undefined || process.env.CI === "true");

const options: ClusterOptions = {
  agents: 2,
  resources: "cpus:2;mem:1024;disk:1000",
  // Executors have time to come back on a busy machine. The agents take no updates until it is over.
  flags: { allocation_interval: "100ms", executor_reregistration_timeout: "4secs" },
};

/** Tasks that run, while master and agents are killed and started again over what they have kept. */
describe.runIf(real)("a batch whose real Mesos", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("is killed under running tasks: each goes on, and is seen to end once", { timeout: 180_000 }, async () => {
    const workDir = await cleanup.tempDir();
    let mesos: MesosCluster = await startRealMesos({ ...options, workDir });
    cleanup.defer(() => mesos.stop());
    const { port } = mesos;
    const bridge = cleanup.use(await startBridge({ master: mesos.master }));
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup, count: 20, seconds: 12 });
    await batch.running(20);
    await mesos.crash();
    mesos = await startRealMesos({ ...options, workDir, port, keep: true });
    await batch.expectAllRanOnce();
    expect(batch.lines().filter(({ kind, linked }) => kind === "link-changed" && linked)).toHaveLength(2);
  });

  test("is killed at any step: no task runs twice, and none is forgotten", { timeout: 180_000 }, async () => {
    const random = seeded("Mesos killed");
    const workDir = await cleanup.tempDir();
    let mesos: MesosCluster = await startRealMesos({ ...options, workDir });
    cleanup.defer(() => mesos.stop());
    const { port } = mesos;
    const bridge = cleanup.use(await startBridge({ master: mesos.master }));
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup, count: 20, seconds: 12 });
    await batch.updates(random(40));
    await delay(random(200));
    await mesos.crash();
    mesos = await startRealMesos({ ...options, workDir, port, keep: true });
    const ends = await batch.finished();
    const runs = await batch.runs();
    expect(ends.size).toBe(batch.count);
    expect([...ends].filter(([, states]) => states.length !== 1)).toEqual([]);
    // A crash may take a task with it whose executor was just starting; then Mesos says so. None has run twice.
    expect([...runs].filter(([, times]) => times > 1)).toEqual([]);
    const finished = [...ends].filter(([, states]) => states.includes("FINISHED")).map(([id]) => id);
    expect(finished.filter((id) => !runs.has(id))).toEqual([]);
    await batch.expectNothingLeft();
  });
});

/** A real master's heartbeats come every 15 s, and five have to be missed; the embedded one's can be faster. */
describe.runIf(only !== "real")("a batch whose embedded Mesos", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  test("falls silent: the bridge notices, and goes on when it speaks again", { timeout: 120_000 }, async () => {
    const flags = { ...options.flags, heartbeat_interval: "1secs" };
    const mesos = cleanup.use(await startEmbeddedMesos({ ...options, flags }));
    const proxy = cleanup.use(await TcpProxy.start(mesos.port));
    const bridge = cleanup.use(
      await startBridge({ master: `127.0.0.1:${proxy.port}`, flags: ["--missed-heartbeats", "2"] }),
    );
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup });
    await batch.updates(20);
    proxy.freeze(true);
    await bridge.process.logged(/was silent for 2000 ms/);
    proxy.freeze(false);
    await batch.expectAllRanOnce();
  });
});
