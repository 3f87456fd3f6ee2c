import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const IDLE_SECONDS = 10;
const BUSY_FRAMEWORKS = 100;

/** What idle frameworks cost. */
export async function idleFrameworks(): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const count of [1, 100, 1_000, 2_000]) {
    const rig = await Rig.open();
    try {
      await rig.client(...Array.from({ length: count }, (_, i) => `idle-${i}`));
      const before = usageOf(rig.bridge.pid);
      await sleep(IDLE_SECONDS * 1000);
      const after = usageOf(rig.bridge.pid);
      const cpu = ((after.cpuSeconds - before.cpuSeconds) / IDLE_SECONDS) * 100;
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

/** 100 frameworks with 50 events a second each: does any of them wait longer than the others? */
export async function busyFrameworks(): Promise<Figure[]> {
  const rig = await Rig.open();
  try {
    const client = await rig.client(...Array.from({ length: BUSY_FRAMEWORKS }, (_, i) => `busy-${i}`));
    const ratios: number[] = [];
    const slowest: number[] = [];
    for (let run = 0; run <= 5; run++) {
      client.tell("time");
      await client.next("timing");
      rig.master.tell("pace", { rate: BUSY_FRAMEWORKS * 50, seconds: 3, bytes: 300 });
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
        name: `${BUSY_FRAMEWORKS} busy frameworks, slowest p99 over fastest`,
        unit: "x",
        value,
        reach: "< 3",
        reached: value.median < 3,
      },
      { name: `${BUSY_FRAMEWORKS} busy frameworks, slowest p99`, unit: "ms", value: spread(slowest) },
    ];
  } finally {
    await rig.close();
  }
}
