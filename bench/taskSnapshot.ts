import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrameworkInfo } from "../gen/mesos/v1/mesos.js";
import type { FrameworkRecord } from "../server/session/frameworkStore.js";
import { LogStore } from "../server/store/logStore.js";
import { snapshotSeconds } from "./attach.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const TASKS = 100_000;
const COOKIE_BYTES = 100;
const STATUS_BYTES = 200;
/** So many updates at a time: a client has to keep up. */
const FLOOD = 10_000;
const MB = 1_000_000;

/** A new attachment to a session with 100,000 tasks that run, each with a cookie, and what the bridge holds for them. */
export async function taskSnapshot(effort: Effort): Promise<Figure[]> {
  const count = effort.count(TASKS);
  const empty = await heldWith(0, () => Promise.resolve());
  const seconds: number[] = [];
  let growth = 0;
  const held = await heldWith(count, async (rig) => {
    const before = usageOf(rig.bridge.pid).peakMb;
    for (let run = 0; run <= effort.runs; run++) {
      const taken = await snapshotSeconds(rig);
      if (run > 0) seconds.push(taken);
    }
    growth = usageOf(rig.bridge.pid).peakMb - before;
  });
  const time = spread(seconds);
  const what = `${count} running tasks with cookies of ${COOKIE_BYTES} B`;
  return [
    { name: `snapshot of ${what}`, unit: "s", value: time, reach: "< 1 s", reached: time.median < 1 },
    {
      name: `growth of the bridge's largest size by such snapshots`,
      unit: "MB",
      value: spread([growth]),
      reach: "< 100 MB",
      reached: growth < 100,
    },
    { name: `held for ${what}`, unit: "MB", value: spread([(held - empty) / MB]) },
  ];
}

/** What a bridge holds that has so many tasks, in bytes, after `work`. */
async function heldWith(count: number, work: (rig: Rig) => Promise<void>): Promise<number> {
  const dataDir = await mkdtemp(join(tmpdir(), "mesos-bridge-bench-"));
  try {
    await remember(count, dataDir);
    const rig = await Rig.open({ probe: true, dataDir });
    try {
      await run(count, rig);
      await work(rig);
      return await rig.bridge.held();
    } finally {
      await rig.close();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Makes a data directory in which the framework's tasks are. */
async function remember(count: number, dataDir: string): Promise<void> {
  const silent = () => {};
  const store = await LogStore.open(dataDir, { log: { debug: silent, info: silent, warn: silent, error: silent } });
  await store.put(RECORD);
  const tasks = Array.from({ length: count }, (_, i) => ({
    // As the fast master names those of its floods.
    taskId: `task-${1 + Math.floor(i / FLOOD)}-${i % FLOOD}`,
    agentId: "8ba7c0f0-0000-4000-8000-000000000000-S0",
    cookie: Buffer.alloc(COOKIE_BYTES, i),
  }));
  await store.commit("bench", { putTasks: tasks });
  await store.close();
}

/** Has Mesos say of each task that it runs, and a client acknowledge that. */
async function run(count: number, rig: Rig): Promise<void> {
  await rig.master.next("subscribed");
  // Its FrameworkInfo is another one: the bridge subscribes again.
  const client = await rig.client("bench");
  client.tell("acknowledge", ["bench"]);
  await client.next("acknowledging");
  for (let done = 0; done < count; done += FLOOD) {
    const some = Math.min(FLOOD, count - done);
    rig.master.tell("prepare", { kind: "updates", count: some, bytes: STATUS_BYTES });
    await rig.master.next("prepared");
    rig.master.tell("expectCalls", some);
    rig.master.tell("flood");
    await rig.master.next("calls");
  }
  client.close();
}

const RECORD: FrameworkRecord = {
  frameworkName: "bench",
  frameworkId: "bench",
  frameworkInfo: FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root", name: "bench" })).finish(),
  suppressedRoles: [],
  offerConstraints: Buffer.alloc(0),
  leaseMs: 600_000,
  expiryPolicy: "disconnect",
  open: true,
  detachedAtMs: undefined,
};
