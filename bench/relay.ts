import type { Effort } from "./effort.js";
import { type Figure, Rig, spread } from "./harness.js";

/** Events relayed to one client, a second, beside a bare grpc-js stream of prepared buffers. */
export async function relay(effort: Effort): Promise<Figure[]> {
  return [await relayOf(effort, 300, effort.count(50_000)), await relayOf(effort, 4096, effort.count(12_000))];
}

/** A run's events fit into the session's buffer: the master floods far faster than any client reads. */
async function relayOf(effort: Effort, bytes: number, count: number): Promise<Figure> {
  const rig = await Rig.open();
  try {
    const reference = rig.worker("referenceServer");
    const referencePort = (await reference.next("ready")).port;
    const client = await rig.client("bench");
    const referenceClient = rig.worker("client");
    referenceClient.tell("attach", { address: `127.0.0.1:${referencePort}`, frameworkNames: ["bench"] });
    await referenceClient.next("attached");
    const bridged: number[] = [];
    const referenced: number[] = [];
    // Runs are short: the first ones warm both up, and more of them are measured.
    const [warmUps, runs] = effort.full ? [3, 2 * effort.runs] : [1, effort.runs];
    for (let run = 1 - warmUps; run <= runs; run++) {
      rig.master.tell("prepare", { kind: "messages", count, bytes });
      await rig.master.next("prepared");
      client.tell("count", count);
      await client.next("counting");
      rig.master.tell("flood");
      const counted = await client.next("counted");
      referenceClient.tell("count", count);
      await referenceClient.next("counting");
      reference.tell("flood", { count, bytes });
      const other = await referenceClient.next("counted");
      if (run <= 0) continue;
      bridged.push(count / Number(counted.seconds));
      referenced.push(count / Number(other.seconds));
    }
    const value = spread(bridged);
    const against = spread(referenced);
    return {
      name: `events of ${bytes} B relayed to one client`,
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
