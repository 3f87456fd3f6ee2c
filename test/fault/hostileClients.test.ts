import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, test } from "vitest";
import { offersEvent } from "../../server/mesos/messages/events.js";
import { lengthDelimited, messageField, stringField } from "../../wire/proto.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import type { Ending } from "../support/bridgeEnding.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually, within } from "../support/eventually.js";
import { framed, HostileClient, statusOf, subscribeRequest } from "../support/hostileClient.js";
import { at } from "../support/paths.js";

const MIB = 1024 * 1024;
/** How much a bridge may grow, whatever one client does to it. */
const MAX_GROWTH_MIB = 200;
const RESOURCE_EXHAUSTED = "8";
const SCHEDULER = "mesosbridge.v1.SchedulerService";
const OBSERVER = "mesosbridge.v1.ObserverService";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function bridgeWith(...flags: string[]): Promise<{ master: AnsweringMaster; bridge: Bridge }> {
  const master = cleanup.use(await AnsweringMaster.start());
  const bridge = cleanup.use(await startBridge({ master: master.host, flags: ["--log-level", "warn", ...flags] }));
  return { master, bridge };
}

const hostile = async ({ address }: Bridge) => cleanup.use(await HostileClient.connect(address));
const client = ({ address }: Bridge) => cleanup.use(new BridgeClient(address));

/** The bridge's memory, in MiB. */
function residentMib({ process: { pid } }: Bridge): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kib) / 1024;
}

/** A framework with 3 MiB of open offers. */
async function largeFramework(bridge: Bridge, master: AnsweringMaster): Promise<BridgeScheduler> {
  const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: "large" }));
  const subscription = await master.subscriptions.next();
  const offer = (i: number) => [
    lengthDelimited(1, stringField(1, `offer-${i}`)),
    lengthDelimited(900, Buffer.alloc(MIB / 1024)),
  ];
  subscription.sendBytes(offersEvent(Array.from({ length: 3_000 }, (_, i) => Buffer.concat(offer(i)))));
  await scheduler.mesosEvent("offers");
  return scheduler;
}

/** Repeats an attack while another client works; tells how far the bridge grew, in MiB. */
async function growthUnder(bridge: Bridge, rounds: number, attack: () => void): Promise<number> {
  const other = client(bridge);
  const ask = async () => expect((await other.call("listFrameworks", { pageSize: 1 })).code).toBe("OK");
  await ask();
  const before = residentMib(bridge);
  let peak = before;
  for (let round = 0; round < rounds; round++) {
    attack();
    await ask();
    peak = Math.max(peak, residentMib(bridge));
  }
  return peak - before;
}

describe("a client that reads nothing", () => {
  test("of its answers: it is refused more, and the bridge stays small", async () => {
    const { bridge, master } = await bridgeWith();
    await largeFramework(bridge, master);
    const reader = await hostile(bridge);
    const growth = await growthUnder(bridge, 60, () => {
      for (let i = 0; i < 10; i++) reader.call(`${OBSERVER}/ListOffers`, stringField(1, "large"));
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
    const refused = reader.call(`${OBSERVER}/ListOffers`, stringField(1, "large"));
    expect(reader.isClosed).toBe(false);
    refused.destroy();
  });

  test("of reflection's answers, which are a thousand times their requests", async () => {
    const { bridge } = await bridgeWith();
    const reader = await hostile(bridge);
    const streams = Array.from({ length: 20 }, () =>
      reader.begin("grpc.reflection.v1.ServerReflection/ServerReflectionInfo"),
    );
    const request = framed(stringField(4, SCHEDULER));
    const growth = await growthUnder(bridge, 60, () => {
      for (const stream of streams)
        if (stream.writableLength < MIB) for (let i = 0; i < 100; i++) stream.write(request);
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
  });

  test("of subscriptions that supersede each other", async () => {
    const { bridge, master } = await bridgeWith();
    await largeFramework(bridge, master);
    const reader = await hostile(bridge);
    const growth = await growthUnder(bridge, 60, () => {
      for (let i = 0; i < 10; i++) reader.call(`${SCHEDULER}/Subscribe`, subscribeRequest("large"));
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
  });

  test("of the answers on Calls", async () => {
    const { bridge } = await bridgeWith();
    const reader = await hostile(bridge);
    const streams = Array.from({ length: 20 }, () => reader.begin(`${SCHEDULER}/Calls`));
    const header = messageField(1, [stringField(1, "nobody"), stringField(2, "nothing")]);
    const request = framed(Buffer.concat([header, lengthDelimited(2, Buffer.from([16, 5]))]));
    const many = Buffer.concat(Array.from({ length: 200 }, () => request));
    const growth = await growthUnder(bridge, 150, () => {
      for (const stream of streams) if (stream.writableLength < MIB) stream.write(many);
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
  });
});

describe("a client that ends nothing", () => {
  test("of large requests: it is refused more, and others go on", async () => {
    const { bridge } = await bridgeWith();
    const sender = await hostile(bridge);
    const size = 15 * MIB;
    const head = Buffer.alloc(5);
    head.writeUInt32BE(size, 1);
    const statuses: Promise<string | undefined>[] = [];
    const growth = await growthUnder(bridge, 40, () => {
      const stream = sender.begin(`${SCHEDULER}/LaunchTasks`);
      statuses.push(statusOf(stream));
      stream.write(head);
      stream.write(Buffer.alloc(size - 100));
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
    expect(await within(Promise.any(statuses), { what: "a refusal" })).toBe(RESOURCE_EXHAUSTED);
  });

  test("of requests that unpack to a thousand times their size", async () => {
    const { bridge } = await bridgeWith();
    const sender = await hostile(bridge);
    const bomb = framed(gzipSync(Buffer.alloc(15 * MIB)), { compressed: true });
    const statuses: Promise<string | undefined>[] = [];
    const growth = await growthUnder(bridge, 20, () => {
      for (let i = 0; i < 10; i++) {
        const stream = sender.begin(`${SCHEDULER}/LaunchTasks`, { "grpc-encoding": "gzip" });
        statuses.push(statusOf(stream));
        stream.write(bomb);
      }
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
    expect(await within(Promise.any(statuses), { what: "a refusal" })).toBe(RESOURCE_EXHAUSTED);
  });

  test("of calls that it has begun, on many connections", async () => {
    const { bridge } = await bridgeWith();
    const senders = await Promise.all(Array.from({ length: 20 }, () => hostile(bridge)));
    const growth = await growthUnder(bridge, 50, () => {
      for (const sender of senders) {
        if (!sender.isClosed) for (let i = 0; i < 50; i++) sender.begin(`${SCHEDULER}/LaunchTasks`);
      }
    });
    expect(growth).toBeLessThan(MAX_GROWTH_MIB);
  });

  test("loses its connection after the time that a request may take", async () => {
    const { bridge } = await bridgeWith("--request-timeout", "1s");
    const sender = await hostile(bridge);
    sender.begin(`${SCHEDULER}/LaunchTasks`).write(framed(Buffer.alloc(100)).subarray(0, 50));
    await within(sender.closed, { what: "the end of the connection" });
  });

  test("a client whose requests are in progress keeps its streams", async () => {
    const { bridge, master } = await bridgeWith("--request-timeout", "1s");
    const scheduler = cleanup.use(await BridgeScheduler.attach(bridge.address));
    await master.subscriptions.next();
    const calls = scheduler.client.calls();
    calls.send({ header: scheduler.header, call: { type: 5 }, tag: 1n });
    expect((await calls.results.nextAny()).code).toBe(0);
    const sender = await hostile(bridge);
    sender.begin(`${SCHEDULER}/LaunchTasks`).write(Buffer.alloc(1));
    await within(sender.closed, { what: "the end of another connection, of one that ends nothing" });
    calls.send({ call: { type: 5 }, tag: 2n });
    expect((await calls.results.nextAny()).tag).toBe(2n);
  });

  test("an answer that is not taken ends with its stream", async () => {
    const { bridge, master } = await bridgeWith("--request-timeout", "1s");
    await largeFramework(bridge, master);
    const reader = await hostile(bridge);
    const stream = reader.call(`${OBSERVER}/ListOffers`, stringField(1, "large"));
    await within(new Promise((resolve) => stream.once("close", resolve)), { what: "the end of the stream" });
    expect(reader.isClosed).toBe(false);
    expect((await client(bridge).call("listOffers", { frameworkName: "large" })).code).toBe("OK");
  });
});

describe("a client that does nothing wrong", () => {
  test("keeps its streams, though their requests were compressed and might have been large", async () => {
    const { bridge } = await bridgeWith();
    const clients = await Promise.all(Array.from({ length: 4 }, () => hostile(bridge)));
    for (let i = 0; i < 40; i++) {
      const unknown = lengthDelimited(900, randomBytes(13_000));
      const stream = clients[i % 4]?.begin(`${OBSERVER}/WatchLaunches`, { "grpc-encoding": "gzip" });
      const answered = new Promise<Record<string, unknown>>((resolve) => stream?.once("response", resolve));
      stream?.end(framed(gzipSync(unknown), { compressed: true }));
      expect((await within(answered, { what: "the head of the answer" }))["grpc-status"]).toBeUndefined();
    }
    expect((await client(bridge).call("listFrameworks", {})).code).toBe("OK");
    await bridge.terminate();
    expect(await bridge.process.exited).toEqual({ code: 0, signal: null });
  });

  test("gets an answer to each of many calls that it sends at once", async () => {
    const { bridge } = await bridgeWith();
    const calls = client(bridge).calls();
    const count = 5_000;
    for (let i = 1; i <= count; i++) calls.send({ tag: BigInt(i) });
    calls.end();
    expect((await calls.results.ending({ timeoutMs: 30_000 })).code).toBe("OK");
    expect(calls.results.received.map(({ tag }) => Number(tag))).toEqual(
      Array.from({ length: count }, (_, i) => i + 1),
    );
  });
});

describe("limits", () => {
  test("of streams that stay: one more is refused, and calls still go through", async () => {
    const { bridge } = await bridgeWith();
    const one = client(bridge);
    const streams = Array.from({ length: 200 }, () => one.calls());
    const watch = one.stream("watchLaunches", {});
    expect(await watch.ending()).toMatchObject({
      code: "RESOURCE_EXHAUSTED",
      reason: "LIMIT_REACHED",
      retryable: true,
      metadata: { limit: "200" },
    });
    expect((await one.call("listFrameworks", {})).code).toBe("OK");
    streams[0]?.end();
    expect((await streams[0]?.results.ending())?.code).toBe("OK");
    const another = one.stream("watchLaunches", {});
    await within(another.connected, { what: "another stream" });
    another.cancel();
  });

  test("of observers: for one connection a tenth, and in all", async () => {
    const { bridge } = await bridgeWith("--max-observers", "20");
    const watching = async (of: BridgeClient) => {
      const stream = of.stream("watchLaunches", {});
      return Promise.race([stream.ended, stream.connected]);
    };
    const first = client(bridge);
    const ending = first.stream("watchLaunches", {});
    await within(ending.connected, { what: "the first stream" });
    expect(await watching(first)).toBeUndefined();
    expect(await watching(first)).toMatchObject({ reason: "LIMIT_REACHED", metadata: { limit: "2" } });
    for (let i = 1; i < 10; i++) {
      const other = client(bridge);
      expect(await watching(other)).toBeUndefined();
      expect(await watching(other)).toBeUndefined();
    }
    const late = await watching(client(bridge));
    expect(late).toMatchObject({ reason: "LIMIT_REACHED", metadata: { limit: "20" } });
    expect(late?.message).toContain("--max-observers");
    ending.cancel();
    const again = client(bridge);
    await eventually(async () => (await watching(again)) === undefined, { what: "a place of one that has ended" });
  });

  test("of frameworks: another name is refused, a known one is not", async () => {
    const { bridge } = await bridgeWith("--max-frameworks", "2");
    const [one] = [await BridgeScheduler.attach(bridge.address), await BridgeScheduler.attach(bridge.address)];
    const third = BridgeScheduler.start(bridge.address);
    const ending = await third.stream.ending();
    expect(ending).toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "LIMIT_REACHED", metadata: { limit: "2" } });
    expect(ending.message).toContain("--max-frameworks");
    third.stop();
    const again = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: one.name }));
    await again.ok("closeSession");
    cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName: third.name }));
  });

  test("of connections: an unused one makes room, and one in use does not", async () => {
    const { bridge } = await bridgeWith("--max-connections", "2");
    const unused = await hostile(bridge);
    const used = client(bridge);
    const watch = used.stream("watchLaunches", {});
    await within(watch.connected, { what: "the stream" });
    await eventually(
      async () => (await HostileClient.connect(bridge.address).catch(() => undefined))?.begin(`${SCHEDULER}/Calls`),
      { what: "a connection in place of the unused one" },
    );
    await within(unused.closed, { what: "the end of the unused connection" });
    await expect(HostileClient.connect(bridge.address)).rejects.toThrow();
    expect((await used.call("listFrameworks", {})).code).toBe("OK");
  });

  test("of descriptors: with few of them names are refused, and everybody else is served", async () => {
    const master = cleanup.use(await AnsweringMaster.start());
    const args = ["serve", "--master", master.host, "--listen", "127.0.0.1:0", "--data-dir", await cleanup.tempDir()];
    const bridge = cleanup.use(
      await startProcess({
        command: "bash",
        args: ["-c", 'ulimit -n 128; exec "$@"', "bash", process.execPath, at("dist/server/main.js"), ...args],
        ready: /^ready (\S+)$/m,
      }),
    );
    const address = bridge.ready[1] ?? "";
    const one = cleanup.use(new BridgeClient(address));
    const endings: (Ending | undefined)[] = [];
    for (let i = 0; i < 50; i++) {
      const stream = one.subscribe({
        frameworkName: `name-${i}`,
        frameworkInfo: { user: "root" },
        lease: { seconds: 86_400n },
      });
      endings.push(
        await Promise.race([stream.ended, stream.connected.then(() => stream.nextAny()).then(() => undefined)]),
      );
    }
    const refused = endings.filter((ending) => ending !== undefined);
    expect(endings.indexOf(refused[0])).toBe(33);
    expect(refused).toHaveLength(17);
    for (const ending of refused) expect(ending).toMatchObject({ reason: "LIMIT_REACHED", metadata: { limit: "33" } });
    expect(bridge.log()).toContain("ulimit -n");
    // Each of the others has its two connections to the master, and their clients can come back.
    const again = cleanup.use(
      await BridgeScheduler.attach(address, { frameworkName: "name-0", frameworkInfo: undefined }),
    );
    await eventually(() => master.fake.openConnections >= 33, { what: "the links" });
    await again.ok("reviveOffers");
  });
});
