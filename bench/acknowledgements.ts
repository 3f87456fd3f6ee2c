import { type Spread, spread, startBridge, Worker } from "./harness.js";

/** Status updates to their acknowledgements at the master, a second, one framework. */
export async function acknowledgements(count: number, runs: number): Promise<Spread> {
  const master = new Worker("fastMaster");
  const client = new Worker("client");
  const masterPort = (await master.next("ready")).port;
  const bridge = await startBridge(`127.0.0.1:${masterPort}`, process.env.BENCH_BRIDGE_ARGS?.split(" ") ?? []);
  try {
    client.tell("attach", { address: bridge.address, frameworkName: "bench" });
    await Promise.all([client.next("attached"), master.next("subscribed")]);
    client.tell("openCalls", "bench");
    const rates: number[] = [];
    for (let run = 0; run <= runs; run++) {
      master.tell("prepare", { kind: "updates", count, bytes: 300, window: 0 });
      await master.next("prepared");
      client.tell("count", count);
      await client.next("counting");
      master.tell("expectCalls", count);
      const started = process.hrtime.bigint();
      master.tell("flood");
      await master.next("calls");
      if (run > 0) rates.push(count / (Number(process.hrtime.bigint() - started) / 1e9));
    }
    return spread(rates);
  } finally {
    for (const worker of [master, client]) worker.close();
    await bridge.close();
  }
}
