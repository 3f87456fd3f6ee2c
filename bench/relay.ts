import { type ClientKind, goClients, goCounters, nodeClient } from "./clientKinds.js";
import { counted, relayed } from "./counted.js";
import type { Effort } from "./effort.js";
import { type Figure, Rig, spread } from "./harness.js";

/** Events relayed to one client, a second, beside a bare grpc-js stream of prepared buffers to the same client. */
export async function relay(effort: Effort): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const kind of [nodeClient, ...(await goCounters()), ...(await goClients())]) {
    figures.push(await relayOf(effort, kind, 300, effort.count(50_000)));
    figures.push(await relayOf(effort, kind, 4096, effort.count(12_000)));
  }
  return figures;
}

/** A run's events fit into the session's buffer: the master floods far faster than any client reads. */
async function relayOf(effort: Effort, kind: ClientKind, bytes: number, count: number): Promise<Figure> {
  const rig = await Rig.open();
  try {
    const reference = rig.worker("referenceServer");
    const referencePort = (await reference.next("ready")).port;
    const client = await rig.attach(kind.start(rig), "bench");
    const referenceClient = kind.start(rig);
    referenceClient.tell("attach", { address: `127.0.0.1:${referencePort}`, frameworkNames: ["bench"] });
    await referenceClient.next("attached");
    const bridged: number[] = [];
    const referenced: number[] = [];
    // Runs are short: the first ones warm all up, and of those in Node more are measured, as they vary more.
    const warmUps = effort.full ? 3 : 1;
    const runs = effort.full && kind === nodeClient ? 2 * effort.runs : effort.runs;
    for (let run = 1 - warmUps; run <= runs; run++) {
      const through = await relayed(rig, client, count, bytes);
      const other = await counted(referenceClient, count, () => reference.tell("flood", { count, bytes }));
      if (run <= 0) continue;
      bridged.push(count / through.seconds);
      referenced.push(count / other.seconds);
    }
    const value = spread(bridged);
    const against = spread(referenced);
    return {
      name: `events of ${bytes} B relayed to one ${kind.name}`,
      unit: "/s",
      value,
      reference: against,
      reach: ">= 0.9 of a bare grpc-js stream",
      reached: value.median >= 0.9 * against.median,
    };
  } finally {
    await rig.close();
  }
}
