import { type Spread, spread, startBridge, Worker } from "./harness.js";

export interface RelayFigures {
  readonly bytes: number;
  readonly bridge: Spread;
  readonly reference: Spread;
  /** Events a message of the bridge held. */
  readonly batch: number;
  readonly ratio: number;
}

/** Events relayed to one client, a second, beside a bare grpc-js stream of prepared buffers. */
export async function relay(bytes: number, count: number, runs: number): Promise<RelayFigures> {
  const master = new Worker("fastMaster");
  const reference = new Worker("referenceServer");
  const client = new Worker("client");
  const referenceClient = new Worker("client");
  const masterPort = (await master.next("ready")).port;
  const referencePort = (await reference.next("ready")).port;
  const bridge = await startBridge(`127.0.0.1:${masterPort}`);
  try {
    client.tell("attach", { address: bridge.address, frameworkName: "bench" });
    referenceClient.tell("attach", { address: `127.0.0.1:${referencePort}`, frameworkName: "bench" });
    await Promise.all([client.next("attached"), referenceClient.next("attached"), master.next("subscribed")]);
    const bridged: number[] = [];
    const referenced: number[] = [];
    let batch = 0;
    for (let run = 0; run <= runs; run++) {
      master.tell("prepare", { kind: "messages", count, bytes, window: 0 });
      await master.next("prepared");
      client.tell("count", count);
      await client.next("counting");
      master.tell("flood");
      const counted = await client.next("counted");
      referenceClient.tell("count", count);
      await referenceClient.next("counting");
      reference.tell("flood", { count, bytes });
      const other = await referenceClient.next("counted");
      // The first run warms both up.
      if (run === 0) continue;
      bridged.push(count / Number(counted.seconds));
      referenced.push(count / Number(other.seconds));
      batch = count / Number(counted.messages);
    }
    const figures = { bytes, bridge: spread(bridged), reference: spread(referenced), batch };
    return { ...figures, ratio: figures.bridge.median / figures.reference.median };
  } finally {
    for (const worker of [master, reference, client, referenceClient]) worker.close();
    await bridge.close();
  }
}
