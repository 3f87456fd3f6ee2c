import { type ClientKind, goClients, nodeClient } from "./clientKinds.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, type Spread, spread, type Worker } from "./harness.js";

const COUNT = 100_000;
const UNARY_COUNT = 5_000;
const WINDOW = 512;

/** A client, and what was measured with it. */
interface Caller {
  readonly kind: ClientKind;
  readonly client: Worker;
  readonly frameworkName: string;
  readonly streamed: number[];
  readonly unary: number[];
}

/** Calls a second on one `Calls` stream, and one by one, beside undici pipelined straight to the same master. */
export async function calls(effort: Effort): Promise<Figure[]> {
  const rig = await Rig.open();
  try {
    const callers: Caller[] = [];
    for (const kind of [nodeClient, ...(await goClients())]) {
      const frameworkName = `bench-${callers.length}`;
      const client = await rig.attach(kind.start(rig), frameworkName);
      callers.push({ kind, client, frameworkName, streamed: [], unary: [] });
    }
    const direct = await rig.direct();
    const straight: number[] = [];
    for (let run = 0; run <= effort.runs; run++) {
      const without = await rate(direct, { count: effort.count(COUNT), rate: 0, window: WINDOW });
      if (run > 0) straight.push(without);
      for (const caller of callers) await measure(effort, caller, run > 0);
    }
    return callers.flatMap((caller) => figuresOf(caller, spread(straight)));
  } finally {
    await rig.close();
  }
}

async function measure(effort: Effort, { client, frameworkName, streamed, unary }: Caller, keep: boolean) {
  const onStream = await rate(client, {
    frameworkName,
    count: effort.count(COUNT),
    rate: 0,
    unary: false,
    window: WINDOW,
  });
  const oneByOne = await rate(client, {
    frameworkName,
    count: effort.count(UNARY_COUNT),
    rate: 0,
    unary: true,
    window: 64,
  });
  if (!keep) return;
  streamed.push(onStream);
  unary.push(oneByOne);
}

function figuresOf({ kind, streamed, unary }: Caller, reference: Spread): Figure[] {
  const value = spread(streamed);
  const by = kind === nodeClient ? "" : `, by a ${kind.name}`;
  return [
    {
      name: `calls on one Calls stream${by}`,
      unit: "/s",
      value,
      reference,
      reach: ">= 0.95 of undici, pipelined by 64",
      reached: value.median >= 0.95 * reference.median,
    },
    { name: `calls of the unary method, 64 at a time${by}`, unit: "/s", value: spread(unary), reference },
  ];
}

async function rate(worker: Worker, options: { count: number; [option: string]: unknown }): Promise<number> {
  worker.tell("makeCalls", options);
  return options.count / Number((await worker.next("answered")).seconds);
}
