import { fileURLToPath } from "node:url";
import type { Effort } from "./effort.js";
import { type Figure, spread, Worker } from "./harness.js";
import { withRealMesos } from "./realMesos.js";

const TASKS = 1_000;
const RESOURCES = "cpus:1000;mem:1000000;disk:10240;ports:[31000-32000]";
const EXECUTOR = fileURLToPath(new URL("./processes/emptyExecutor.js", import.meta.url));

/** 1,000 empty tasks on one executor of the real Mesos, from their launch to the last acknowledgement: both ways. */
export async function tasks(effort: Effort): Promise<Figure[]> {
  const count = effort.count(TASKS);
  return withRealMesos("tasks", RESOURCES, async (mesos, bridge) => {
    const bridged: number[] = [];
    const straight: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const without = count / (await secondsOf("directTasks", mesos.address, `tasks-${run}`, count));
      const through = count / (await secondsOf("bridgeTasks", bridge.address, `tasks-${run}`, count));
      if (run === 0) continue;
      bridged.push(through);
      straight.push(without);
    }
    const value = spread(bridged);
    const reference = spread(straight);
    const reached = value.median >= 0.98 * reference.median;
    const name = `${count} empty tasks on one executor of the real Mesos`;
    return [{ name, unit: "/s", value, reference, reach: ">= 0.98 of straight on Mesos's API", reached }];
  });
}

/** A framework of its own for each run. Its first task starts the executor, and is not measured. */
async function secondsOf(scheduler: string, address: string, name: string, count: number): Promise<number> {
  const worker = new Worker(scheduler);
  try {
    await worker.next("ready");
    worker.tell("start", { address, name, command: `exec '${process.execPath}' '${EXECUTOR}'` });
    await worker.next("started");
    worker.tell("run", 1);
    await worker.next("finished");
    worker.tell("run", count);
    const { seconds } = await worker.next("finished");
    worker.tell("tearDown");
    await worker.next("tornDown");
    return Number(seconds);
  } finally {
    worker.close();
  }
}
