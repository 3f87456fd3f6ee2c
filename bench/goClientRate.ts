import { LineChannel } from "./channel.js";
import { type ClientKind, goClients, goCounters } from "./clientKinds.js";
import { counted, relayed } from "./counted.js";
import type { Effort } from "./effort.js";
import { goProgram } from "./goProgram.js";
import { type Figure, Rig, spread, usageOf } from "./harness.js";

const COUNT = 50_000;
const EVENT_BYTES = 300;

/**
 * Is the client in Go ever what these benchmarks wait for? What it takes from a server in Go that only sends prepared
 * messages, beside what the bridge relays to it; and the processor time that it and the bridge need for that.
 */
export async function goClientRate(effort: Effort): Promise<Figure[]> {
  const server = await goProgram("server");
  if (server === undefined) return [];
  const figures: Figure[] = [];
  for (const kind of [...(await goCounters()), ...(await goClients())]) {
    figures.push(...(await rateOf(effort, kind, server)));
  }
  return figures;
}

async function rateOf(effort: Effort, kind: ClientKind, serverProgram: string): Promise<Figure[]> {
  const count = effort.count(COUNT);
  const rig = await Rig.open();
  try {
    const client = await rig.attach(kind.start(rig), "bench");
    const server = rig.worker(new LineChannel(serverProgram));
    const { port } = await server.next("ready");
    const other = kind.start(rig);
    other.tell("attach", { address: `127.0.0.1:${port}`, frameworkNames: ["bench"] });
    await other.next("attached");
    const fromBridge: number[] = [];
    const prepared: number[] = [];
    const itsTime: number[] = [];
    const bridgeTime: number[] = [];
    // The first ones warm up.
    for (let run = effort.full ? -2 : 0; run <= effort.runs; run++) {
      const before = usageOf(rig.bridge.pid).cpuSeconds;
      const bridged = await relayed(rig, client, count, EVENT_BYTES);
      const used = usageOf(rig.bridge.pid).cpuSeconds - before;
      // As many events in a message as the bridge had found waiting.
      const events = Math.round(count / bridged.messages);
      const messages = Math.ceil(count / events);
      const straight = await counted(other, count, () =>
        server.tell("flood", { messages, events, bytes: EVENT_BYTES }),
      );
      if (run <= 0) continue;
      fromBridge.push(count / bridged.seconds);
      prepared.push(count / straight.seconds);
      itsTime.push((bridged.processorSeconds / count) * 1e6);
      bridgeTime.push((used / count) * 1e6);
    }
    const value = spread(prepared);
    const reference = spread(fromBridge);
    const its = spread(itsTime);
    const bridges = spread(bridgeTime);
    return [
      {
        name: `events of ${EVENT_BYTES} B that a ${kind.name} takes, beside those relayed to it`,
        unit: "/s",
        value,
        reference,
        reach: "> 2 x what is relayed",
        reached: value.median > 2 * reference.median,
      },
      {
        name: `processor time of a ${kind.name} for an event of ${EVENT_BYTES} B, beside the bridge's`,
        unit: "us",
        value: its,
        reference: bridges,
        reach: "less than the bridge's",
        reached: its.median < bridges.median,
      },
    ];
  } finally {
    await rig.close();
  }
}
