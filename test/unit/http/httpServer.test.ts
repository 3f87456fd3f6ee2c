import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { HttpServer, type Route, text } from "../../../server/http/httpServer.js";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { open } from "../../support/http.js";
import { socketClosed } from "../../support/socketEnd.js";

const cleanup = cleanupAfterAll();
const errors: unknown[] = [];
const note = () => {};
const error = (fields: object) => {
  errors.push(fields);
};
const log = { debug: note, info: note, warn: note, error };

async function serving(more: Record<string, Route> = {}, maxConnectionMs?: number): Promise<number> {
  const routes = new Map<string, Route>([["/livez", () => text(200, "alive")], ...Object.entries(more)]);
  const server = new HttpServer({ routes, log, ...(maxConnectionMs !== undefined && { maxConnectionMs }) });
  cleanup.defer(() => server.close());
  return (await server.listen({ kind: "tcp", text: "127.0.0.1:0", ips: ["127.0.0.1"], port: 0 })).port;
}

async function ask(
  port: number,
  path: string,
  method = "GET",
): Promise<{ status: number; body: string; head: object }> {
  const answer = await open(`http://127.0.0.1:${port}${path}`, { method });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString(), head: answer.headers };
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  cleanup.defer(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

async function allOf(socket: Socket): Promise<string> {
  let all = "";
  socket.on("data", (chunk) => {
    all += chunk;
  });
  await socketClosed(socket);
  return all;
}

test("GET and HEAD are answered, with or without a query, and the connection ends", async () => {
  const port = await serving();
  expect(await ask(port, "/livez")).toMatchObject({ status: 200, body: "alive\n", head: { connection: "close" } });
  expect(await ask(port, "/livez?verbose=1")).toMatchObject({ status: 200, body: "alive\n" });
  expect(await ask(port, "/livez", "HEAD")).toMatchObject({ status: 200, body: "", head: { "content-length": "6" } });
});

test.each(["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])(
  "%s is refused, and what is allowed is told",
  async (method) => {
    expect(await ask(await serving(), "/livez", method)).toMatchObject({ status: 405, head: { allow: "GET, HEAD" } });
  },
);

test.each(["/", "/livez/", "/livez;x", "//livez", "/LIVEZ", "/metrics/x"])("there is no %s", async (path) => {
  expect(await ask(await serving(), path)).toMatchObject({ status: 404, body: "there is /livez\n" });
});

test("a route that fails is answered in words, and its error is in the log alone", async () => {
  const fail = () => {
    throw new Error("the secret reason");
  };
  const port = await serving({ "/fails": fail });
  expect(await ask(port, "/fails")).toMatchObject({ status: 500, body: "the bridge failed; its log says why\n" });
  expect(errors).toMatchObject([{ err: { message: "the secret reason" } }]);
});

describe("a client that takes liberties", () => {
  test("gets one answer per connection, whatever it sends behind its request", async () => {
    let asked = 0;
    const port = await serving({
      "/counted": () => {
        asked++;
        return text(200, "counted");
      },
    });
    const socket = await connected(port);
    socket.write("GET /counted HTTP/1.1\r\nHost: x\r\n\r\n".repeat(500));
    const all = await allOf(socket);
    expect(all.match(/counted\n/g)).toHaveLength(1);
    expect(asked).toBe(1);
  });

  test("is refused headers of over 8 KiB", async () => {
    const socket = await connected(await serving());
    socket.write(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Long: ${"a".repeat(9_000)}\r\n\r\n`);
    expect(await allOf(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test("loses a connection on which it sends its request too slowly", async () => {
    const socket = await connected(await serving({}, 200));
    socket.write("GET /livez HTTP/1.1\r\nHo");
    const drip = setInterval(() => socket.write("s"), 20);
    cleanup.defer(() => clearInterval(drip));
    expect(await allOf(socket)).toBe("");
  });

  test("takes nobody's place with connections on which it says nothing", async () => {
    const port = await serving();
    const silent = await Promise.all(Array.from({ length: 80 }, () => connected(port)));
    expect(await ask(port, "/livez")).toMatchObject({ status: 200 });
    await Promise.all(silent.slice(0, 10).map((socket) => socketClosed(socket.resume())));
    expect(silent.at(-1)?.closed).toBe(false);
  });

  test("that speaks something else is told so", async () => {
    const socket = await connected(await serving());
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect(await allOf(socket)).toMatch(/^HTTP\/1\.1 400 /);
  });
});
