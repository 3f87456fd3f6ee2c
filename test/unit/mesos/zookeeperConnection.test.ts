import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { ZookeeperConnection, ZookeeperError } from "../../../server/mesos/detect/zookeeperConnection.js";
import { ZookeeperDetector } from "../../../server/mesos/detect/zookeeperDetector.js";
import { FrameSplitter, FrameWriter, ZookeeperWireError } from "../../../server/mesos/detect/zookeeperWire.js";
import type { ClientTls } from "../../../server/mesos/tls/clientTls.js";
import { deferred, eventually } from "../../support/eventually.js";
import { standStill } from "../../support/standStill.js";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A peer that says what it is told to, when a client connects. */
async function peer(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** A server that speaks TLS alone. */
async function tlsPort(): Promise<number> {
  const server = createTlsServer({}, (socket) => socket.destroy());
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

const opened = (timeoutMs = 10_000) =>
  new FrameWriter().int(0).int(timeoutMs).long(1n).bytes(Buffer.alloc(16)).bool(false).finish();
const reply = (xid: number, error = 0) => new FrameWriter().int(xid).long(1n).int(error);

/** A peer that opens sessions, and answers each request that follows with the next of `answers`. */
function zookeeper(...answers: Buffer[]) {
  return peer((socket) => {
    socket.once("data", () => {
      socket.write(opened());
      socket.on("data", () => {
        const answer = answers.shift();
        if (answer) socket.write(answer);
      });
    });
  });
}

async function open(port: number, more: { signal?: AbortSignal; connectTimeoutMs?: number; tls?: ClientTls } = {}) {
  const closed = deferred<string>();
  const { tls, signal = new AbortController().signal, connectTimeoutMs = 2_000 } = more;
  const connection = await ZookeeperConnection.open(
    {
      host: "127.0.0.1",
      port,
      tls,
      credentials: undefined,
      sessionTimeoutMs: 10_000,
      connectTimeoutMs,
      onWatch: () => {},
      onClosed: closed.resolve,
    },
    signal,
  );
  cleanups.push(() => connection.close());
  return { connection, closed: closed.promise };
}

describe("opening", () => {
  test.each([
    ["a frame that is too short", Buffer.from([0, 0, 0, 5, 0, 0, 0, 0, 5]), "a message is shorter than it says"],
    [
      "an HTTP server",
      Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"),
      "a message of 1213486160 bytes is out of bounds",
    ],
    ["a negative length", Buffer.from([0xff, 0, 0, 0]), "is out of bounds"],
    ["another version", new FrameWriter().int(9).int(1).finish(), "protocol version 9"],
  ])("%s is not ZooKeeper", async (_, bytes, message) => {
    const port = await peer((socket) => socket.write(bytes));
    await expect(open(port)).rejects.toThrow(`does not speak ZooKeeper's protocol: `);
    await expect(open(port)).rejects.toThrow(message);
  });

  test("a server that refuses a session, closes, or is not there", async () => {
    const refuses = await peer((socket) => socket.write(opened(0)));
    await expect(open(refuses)).rejects.toThrow("does not open a session");
    const closes = await peer((socket) => socket.end());
    await expect(open(closes)).rejects.toThrow("closed the connection");
    await expect(open(1)).rejects.toThrow("nothing listens at 127.0.0.1:1");
  });

  test("a port that wants TLS is told as such, whether it answers by an alert or by nothing", async () => {
    const alert = await peer((socket) => socket.once("data", () => socket.end(Buffer.from("15030100020246", "hex"))));
    await expect(open(alert)).rejects.toThrow(/^127\.0\.0\.1:\d+ wants TLS: write zks:\/\/ in place of zk:\/\//);
    const closing = await peer((socket) => socket.once("data", () => socket.end()));
    await expect(open(closing)).rejects.toThrow(
      /closed the connection before a session was open \(one that wants TLS may do so: then write zks:\/\/\)/,
    );
    const port = await tlsPort();
    await expect(open(port)).rejects.toThrow(/wants TLS/);
  });

  test("a silent server is given up, and a signal ends the attempt", async () => {
    const silent = await peer(() => {});
    await expect(open(silent, { connectTimeoutMs: 50 })).rejects.toThrow("does not answer");
    const stop = new AbortController();
    const opening = open(silent, { signal: stop.signal });
    stop.abort();
    await expect(opening).rejects.toThrow("closed");
  });
});

describe("requests", () => {
  test("answers, an error that is known, and one that is not", async () => {
    const answers = [
      reply(1).int(2).string("b").string("a").finish(),
      reply(2, -101).finish(),
      reply(3, -118).finish(),
      reply(4, -101).finish(),
    ];
    const { connection } = await open(await zookeeper(...answers));
    expect(await connection.children("/a", true)).toEqual(["b", "a"]);
    const missing = await connection.data("/a", false).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(ZookeeperError);
    await expect(connection.data("/a", false)).rejects.toThrow("ZooKeeper answers with error -118");
    expect(await connection.exists("/a", true)).toBe(false);
  });

  test.each([
    ["garbage", Buffer.from([0, 0, 0, 2, 1, 1])],
    ["an answer to another request", reply(7).int(0).finish()],
    ["too large a frame", Buffer.from([0x7f, 0, 0, 0])],
  ])("%s ends the connection, and what waits fails", async (_, answer) => {
    const { connection, closed } = await open(await zookeeper(answer));
    await expect(connection.children("/a", false)).rejects.toThrow("does not speak ZooKeeper's protocol");
    expect(await closed).toContain("does not speak ZooKeeper's protocol");
    await expect(connection.data("/a", false)).rejects.toThrow("does not speak");
  });

  test("a list that is shorter than it says fails alone", async () => {
    const { connection } = await open(await zookeeper(reply(1).int(1_000_000_000).string("a").finish()));
    await expect(connection.children("/a", false)).rejects.toBeInstanceOf(ZookeeperWireError);
  });
});

test("a server that is silent after the session was opened is given up", async () => {
  const port = await peer((socket) => socket.once("data", () => socket.write(opened(150))));
  const { closed } = await open(port);
  expect(await closed).toContain("does not answer");
});

test("what waits in the socket of a bridge that stood still is read before the server is given up", async () => {
  let server: Socket | undefined;
  const port = await peer((socket) => {
    server = socket;
    socket.once("data", () => socket.write(opened(600)));
  });
  const { connection, closed } = await open(port);
  const answer = connection.children("/a", false);
  // The next phase of the event loop that reads comes after the timers.
  await turn();
  server?.write(reply(1).int(1).string("b").finish());
  standStill(1_200);
  expect(await answer).toEqual(["b"]);
  server?.write(reply(-2).finish());
  expect(await Promise.race([closed, turn("open")])).toBe("open");
});

test("a server that answers pings alone is given up", async () => {
  const port = await peer((socket) => {
    socket.once("data", () => {
      socket.write(opened(150));
      const pong = setInterval(() => socket.write(reply(-2).finish()), 20);
      socket.once("close", () => clearInterval(pong));
    });
  });
  const { connection, closed } = await open(port);
  await expect(connection.children("/a", false)).rejects.toThrow("does not answer a request");
  expect(await closed).toContain("does not answer a request");
});

test("frames arrive whole, however they are split", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 9 }), (bodies, size) => {
      const stream = Buffer.concat(bodies.map((body) => new FrameWriter().bytes(Buffer.from(body)).finish()));
      const splitter = new FrameSplitter(1_000);
      const frames: string[] = [];
      for (let i = 0; i < stream.length; i += size) {
        for (const frame of splitter.push(stream.subarray(i, i + size))) frames.push(frame.subarray(4).toString("hex"));
      }
      expect(frames).toEqual(bodies.map((body) => Buffer.from(body).toString("hex")));
    }),
  );
});

test("whatever a peer says, the detection goes on and says what is wrong", async () => {
  const garbage = fc.sample(fc.uint8Array({ minLength: 1, maxLength: 60 }), { numRuns: 40, seed: 7 });
  let connections = 0;
  const port = await peer((socket) => {
    const bytes = Buffer.from(garbage[connections++ % garbage.length] ?? []);
    const session = connections % 2 === 0 ? [] : [opened()];
    socket.once("data", () => socket.end(Buffer.concat([...session, bytes])));
  });
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const spec = {
    kind: "zookeeper",
    tls: false,
    servers: `127.0.0.1:${port}`,
    path: "/mesos",
    auth: undefined,
  } as const;
  const detector = new ZookeeperDetector(spec, { log, maxBackoffMs: 5, connectTimeoutMs: 200 });
  cleanups.push(() => detector.close());
  const waits = detector.next(AbortSignal.timeout(10_000)).catch((error: Error) => error.message);
  await eventually(() => connections > 60, { what: "many attempts" });
  expect(detector.describe()).toMatch(/^ZooKeeper can't be read: 127\.0\.0\.1:\d+ /);
  await detector.close();
  expect(await waits).toBe("the detection of masters is closed");
});
