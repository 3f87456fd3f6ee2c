import { readFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer, type TlsOptions } from "node:tls";
import { afterEach, beforeAll, expect, test } from "vitest";
import { ZookeeperConnection } from "../../../server/mesos/detect/zookeeperConnection.js";
import { ZookeeperDetector } from "../../../server/mesos/detect/zookeeperDetector.js";
import { FrameWriter } from "../../../server/mesos/detect/zookeeperWire.js";
import type { ClientTls } from "../../../server/mesos/tls/clientTls.js";
import { type Authority, makeAuthority } from "../../support/certificates.js";
import { Cleanup, cleanupAfterAll } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";

const shared = cleanupAfterAll();
const each = new Cleanup();
afterEach(() => each.run());
let own: Authority;
let other: Authority;
let trusted: ClientTls;
let known: ClientTls;
beforeAll(async () => {
  const directory = await shared.tempDir();
  own = await makeAuthority(directory, "own");
  other = await makeAuthority(directory, "other");
  const ca = await readFile(own.file);
  trusted = tlsWith(createSecureContext({ ca }), false);
  known = tlsWith(createSecureContext({ ca, ...(await own.issue("DNS:bridge")) }), true);
});

const tlsWith = (context: ClientTls["context"], hasCertificate: boolean): ClientTls => ({
  context,
  hasCertificate,
  onChanged: () => () => {},
});

async function listening(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  each.defer(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

const openedFor = (timeoutMs: number) =>
  new FrameWriter().int(0).int(timeoutMs).long(1n).bytes(Buffer.alloc(16)).bool(false).finish();
const opened = openedFor(10_000);

/** A server that speaks TLS, and answers what it is first asked with these bytes. */
async function secure({ by = own, name = "IP:127.0.0.1", bytes = opened, ...options }: SecureOptions = {}) {
  const server = createTlsServer({ ...(await by.issue(name)), ...options }, (socket) => {
    socket.on("error", () => {}).once("data", () => socket.write(bytes));
  });
  return listening(server);
}

interface SecureOptions extends TlsOptions {
  by?: Authority;
  name?: string;
  bytes?: Buffer;
}

async function open(port: number, tls: ClientTls | undefined, host = "127.0.0.1"): Promise<ZookeeperConnection> {
  const { signal } = new AbortController();
  const times = { sessionTimeoutMs: 10_000, connectTimeoutMs: 2_000 };
  const handlers = { onWatch: () => {}, onClosed: () => {} };
  const connection = await ZookeeperConnection.open(
    { host, port, tls, credentials: undefined, ...times, ...handlers },
    signal,
  );
  each.defer(() => connection.close());
  return connection;
}

test("a session is opened over TLS, with a server that knows its name or its address", async () => {
  await open(await secure(), trusted);
  await open(await secure({ name: "DNS:localhost" }), trusted, "localhost");
});

test("a certificate of another authority, and one for another name", async () => {
  await expect(open(await secure({ by: other }), trusted)).rejects.toThrow(
    /^the certificate of 127\.0\.0\.1:\d+ is not accepted: it comes from an authority that is not trusted; .*--zk-ca/,
  );
  const elsewhere = await secure({ name: "DNS:zk1.example" });
  await expect(open(elsewhere, trusted)).rejects.toThrow(/is not accepted: it is for another name or address/);
  await expect(open(elsewhere, trusted, "localhost")).rejects.toThrow(/it is for another name or address/);
});

test("a server that wants a client certificate says so by an alert, or ends the connection without a word", async () => {
  const clients = { requestCert: true, rejectUnauthorized: true };
  const strict = await secure({ ...clients, ca: await readFile(own.file) });
  await expect(open(strict, trusted)).rejects.toThrow(
    /^127\.0\.0\.1:\d+ wants a client certificate: give one with --zk-cert and --zk-key/,
  );
  await open(strict, known);
  const stricter = await secure({ ...clients, ca: await readFile(other.file) });
  await expect(open(stricter, known)).rejects.toThrow(
    /before a session was open \(one that wants a client certificate, or another one, may do so: --zk-cert\)$/,
  );
});

test.each([
  ["closes", (socket: Socket) => socket.end()],
  ["resets", (socket: Socket) => socket.resetAndDestroy()],
])("a plain port that %s the connection", async (_, answer) => {
  const port = await listening(createServer((socket) => socket.once("data", () => answer(socket))));
  await expect(open(port, trusted)).rejects.toThrow(
    /^127\.0\.0\.1:\d+ ended the connection instead of speaking TLS; if that is its plain port, write zk:\/\/$/,
  );
});

test("a plain port that answers, one that is silent, and one that is not there", async () => {
  const talks = await listening(createServer((socket) => socket.once("data", () => socket.write(opened))));
  await expect(open(talks, trusted)).rejects.toThrow(
    /does not speak TLS as it should; if that is its plain port, write zk:\/\//,
  );
  const silent = await listening(createServer(() => {}));
  await expect(open(silent, trusted)).rejects.toThrow(/^127\.0\.0\.1:\d+ does not answer$/);
  await expect(open(1, trusted)).rejects.toThrow("nothing listens at 127.0.0.1:1");
});

test("something else behind TLS is not ZooKeeper", async () => {
  const http = await secure({ bytes: Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n") });
  await expect(open(http, trusted)).rejects.toThrow(/does not speak ZooKeeper's protocol/);
});

test("a detector that waits connects at once when its files have changed", async () => {
  let changed = () => {};
  let context = trusted.context;
  const tls: ClientTls = {
    get context() {
      return context;
    },
    hasCertificate: false,
    onChanged(listener) {
      changed = listener;
      return () => {
        changed = () => {};
      };
    },
  };
  const port = await secure({ by: other, bytes: openedFor(300) });
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const spec = { kind: "zookeeper", tls: true, servers: `127.0.0.1:${port}`, path: "/mesos", auth: undefined } as const;
  const detector = new ZookeeperDetector(spec, { log, tls, initialBackoffMs: 3_600_000, maxBackoffMs: 3_600_000 });
  each.defer(() => detector.close());
  await eventually(() => detector.describe().includes("is not accepted"));
  context = createSecureContext({ ca: await readFile(other.file) });
  changed();
  await eventually(() => !detector.describe().includes("is not accepted"));
});
