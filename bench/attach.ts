import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, startBridge, Worker } from "./harness.js";
import { taskSnapshot } from "./taskSnapshot.js";

const OPEN = 10_000;
const OFFER_BYTES = 420;
/** The bridge splits offers at about this size. */
const PIECE_BYTES = 1024 * 1024;

/** A new attachment to a session that holds 10,000 open offers and 10,000 unacknowledged updates. */
export async function snapshot(effort: Effort): Promise<Figure[]> {
  const open = effort.count(OPEN);
  const pieces = Math.max(1, Math.floor((open * OFFER_BYTES) / PIECE_BYTES));
  const rig = await Rig.open();
  try {
    const first = await rig.client("bench");
    for (const kind of ["offers", "updates"]) {
      rig.master.tell("prepare", { kind, count: open, bytes: OFFER_BYTES });
      await rig.master.next("prepared");
      first.tell("count", kind === "offers" ? pieces : open);
      await first.next("counting");
      rig.master.tell("flood");
      await first.next("counted");
    }
    first.close();
    const seconds: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const taken = await snapshotSeconds(rig);
      if (run > 0) seconds.push(taken);
    }
    const value = spread(seconds);
    const name = `snapshot of ${open} offers and ${open} unacknowledged updates`;
    const items = { name, unit: "s", value, reach: "< 0.3 s", reached: value.median < 0.3 };
    return [items, ...(await taskSnapshot(effort))];
  } finally {
    await rig.close();
  }
}

/** How long a new client reads until the end of its snapshot. */
export async function snapshotSeconds(rig: Rig): Promise<number> {
  const client = rig.worker("client");
  await client.next("ready");
  client.tell("count", 0);
  await client.next("counting");
  client.tell("attach", { address: rig.bridge.address, frameworkNames: ["bench"] });
  const { seconds } = await client.next("snapshot");
  client.close();
  return Number(seconds);
}

/** From the start of the process to its ready line; from kill -9 to the session being subscribed again. */
export async function start(effort: Effort): Promise<Figure[]> {
  const ready: number[] = [];
  const takeover: number[] = [];
  for (let run = 0; run < effort.runs; run++) {
    const master = new Worker("fastMaster");
    const address = `127.0.0.1:${(await master.next("ready")).port}`;
    const dataDir = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
    const client = new Worker("client");
    const began = process.hrtime.bigint();
    const bridge = await startBridge(address, [], dataDir);
    ready.push(Number(process.hrtime.bigint() - began) / 1e9);
    client.tell("attach", { address: bridge.address, frameworkNames: ["bench"], stalled: true });
    await client.next("attached");
    await master.next("subscribed");
    const killed = process.hrtime.bigint();
    await bridge.kill();
    const again = await startBridge(address, [], dataDir);
    await master.next("subscribed");
    takeover.push(Number(process.hrtime.bigint() - killed) / 1e9);
    for (const worker of [master, client]) worker.close();
    await again.close();
    await rm(dataDir, { recursive: true, force: true });
  }
  const started = spread(ready);
  const taken = spread(takeover);
  return [
    { name: "start to ready", unit: "s", value: started, reach: "< 0.5 s", reached: started.median < 0.5 },
    {
      name: "kill -9 of the bridge to its framework subscribed again",
      unit: "s",
      value: taken,
      reach: "< 1 s",
      reached: taken.median < 1,
    },
  ];
}
