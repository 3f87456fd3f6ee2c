import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { relayed } from "./counted.js";
import { type Effort, SHORT } from "./effort.js";
import { type Figure, Rig, type Worker } from "./harness.js";

const EVENTS = 10_000;
const EVENT_BYTES = 300;
/** What a session keeps. */
const SESSION_EVENTS = 65_536;

interface Bound {
  readonly name: string;
  readonly value: number;
  readonly most: number;
}

/**
 * Are the benchmarks whole, and does what they count stay within bounds? Each is run shortened, and its figures are not
 * looked at: they depend on the machine. What is bounded does not. Returns what is broken, one line per fault.
 */
export async function smoke(benchmarks: Record<string, (effort: Effort) => Promise<Figure[]>>): Promise<string[]> {
  const broken: string[] = [];
  for (const [name, run] of Object.entries(benchmarks)) {
    try {
      const started = performance.now();
      const wrong = (await run(SHORT)).filter(({ value }) => !Number.isFinite(value.median));
      for (const figure of wrong) broken.push(`${name}: '${figure.name}' is not a number`);
      process.stdout.write(
        `${name}: ${wrong.length === 0 ? "runs" : "BROKEN"}, ${Math.round(performance.now() - started)} ms\n`,
      );
    } catch (error) {
      broken.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  for (const { name, value, most } of await counted()) {
    process.stdout.write(`${name}: ${value.toFixed(3)}, at most ${most}\n`);
    if (!(value <= most)) broken.push(`${name} is ${value.toFixed(3)}, and may be ${most} at most`);
  }
  return broken;
}

/** What 10,000 relayed events cost, apart from time, and what many more leave behind. */
async function counted(): Promise<Bound[]> {
  const rig = await Rig.open({ probe: true });
  try {
    const client = await rig.client("bench");
    const kept = await heapKept(rig, client);
    const before = inputOutputOf(rig.bridge.pid);
    await rig.bridge.spent();
    const { messages } = await relayed(rig, client, EVENTS, EVENT_BYTES);
    const { allocated, copied } = await rig.bridge.spent();
    const after = inputOutputOf(rig.bridge.pid);
    const each = (value: number) => value / EVENTS;
    return [
      { name: "messages to the client, an event", value: each(messages), most: 0.2 },
      { name: "read calls of the bridge, an event", value: each(after.reads - before.reads), most: 0.2 },
      { name: "write calls of the bridge, an event", value: each(after.writes - before.writes), most: 0.2 },
      { name: "bytes written, an event", value: each(after.written - before.written), most: EVENT_BYTES + 100 },
      { name: "bytes of heap allocated, an event", value: each(allocated), most: 2_500 },
      { name: "bytes copied, an event", value: each(copied), most: 2 * EVENT_BYTES + 100 },
      { name: "bytes of heap kept, an event", value: kept, most: 20 },
    ];
  } finally {
    await rig.close();
  }
}

/**
 * Bytes an event by which the heap has grown. A session keeps its newest events for clients that resume, and lets go of
 * older ones when as many again have come: so the heap goes up and down, and is compared a whole turn apart.
 */
async function heapKept(rig: Rig, client: Worker): Promise<number> {
  const quarter = SESSION_EVENTS / 4;
  const turns = async (count: number) => {
    for (let i = 0; i < count * 4; i++) await relayed(rig, client, quarter, EVENT_BYTES);
    // What is under way when the client has the last event is let go of a moment later.
    await sleep(300);
    return await rig.bridge.held();
  };
  const before = await turns(2.5);
  return ((await turns(1)) - before) / SESSION_EVENTS;
}

/** What a process has read and written, in system calls and bytes. */
function inputOutputOf(pid: number): { reads: number; writes: number; written: number } {
  const text = readFileSync(`/proc/${pid}/io`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}: (\\d+)`, "m").exec(text)?.[1]);
  return { reads: field("syscr"), writes: field("syscw"), written: field("wchar") };
}
