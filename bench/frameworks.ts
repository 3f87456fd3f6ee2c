import { setTimeout as sleep } from "node:timers/promises";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const IDLE_SECONDS = 10;
const BUSY_FRAMEWORKS = 100;
/** So that each has 500 updates, and its 99th percentile more than one behind it. */
const BUSY_SECONDS = 10;

/** What idle frameworks cost. */
export async function idleFrameworks(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  const seconds = effort.seconds(IDLE_SECONDS);
  for (const full of effort.some([1, 100, 1_000, 2_000])) {
    const count = effort.count(full);
    const rig = await Rig.open();
    try {
      await rig.client(...Array.from({ length: count }, (_, i) => `idle-${i}`));
      const before = usageOf(rig.bridge.pid);
      await sleep(seconds * 1000);
      const after = usageOf(rig.bridge.pid);
      const cpu = ((after.cpuSeconds - before.cpuSeconds) / seconds) * 100;
      const large = count === 2_000;
      figures.push(
        {
          name: `${count} idle frameworks, memory`,
          unit: "MB",
          value: spread([after.residentMb]),
          ...(large ? { reach: "< 500 MB", reached: after.residentMb < 500 } : {}),
        },
        {
          name: `${count} idle frameworks, one core`,
          unit: "%",
          value: spread([cpu]),
          ...(large ? { reach: "< 2 %", reached: cpu < 2 } : {}),
        },
        { name: `${count} idle frameworks, sockets`, unit: "", value: spread([after.sockets]) },
      );
    } finally {
      await rig.close();
    }
  }
  return figures;
}

/** 100 frameworks that each acknowledge 50 updates per second: does any of them wait longer than the others? */
export async function busyFrameworks(effort: Effort): Promise<Figure[]> {
  const count = effort.count(BUSY_FRAMEWORKS);
  const rig = await Rig.open();
  try {
    const names = Array.from({ length: count }, (_, i) => `busy-${i}`);
    const client = await rig.client(...names);
    client.tell("acknowledge", names);
    const ratios: number[] = [];
    const slowest: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      client.tell("time");
      await client.next("timing");
      rig.master.tell("pace", { rate: count * 50, seconds: effort.seconds(BUSY_SECONDS), bytes: 300, kind: "updates" });
      await rig.master.next("paced");
      client.tell("latencies");
      const { frameworks } = await client.next("latencies");
      const p99 = (frameworks as Array<{ p99: number }>).map((framework) => framework.p99);
      if (run === 0) continue;
      ratios.push(Math.max(...p99) / Math.min(...p99));
      slowest.push(Math.max(...p99));
    }
    const value = spread(ratios);
    return [
      {
        name: `${count} busy frameworks, slowest p99 over fastest`,
        unit: "x",
        value,
        reach: "< 3",
        reached: value.median < 3,
      },
      { name: `${count} busy frameworks, slowest p99`, unit: "ms", value: spread(slowest) },
    ];
  } finally {
    await rig.close();
  }
}
