import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileServer, type ServedImage } from "../../../clients/typescript/invert/fileServer.js";
import { INCOMING_FOLDER, type ReceivedResult } from "../../../clients/typescript/invert/receiveResult.js";

let folder: string;
let server: FileServer;
let images: Map<string, ServedImage>;
let results: { id: string; content: string }[];
let unwritten: string[];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "file-server-"));
  writeFileSync(join(folder, "cat.png"), "a cat");
  writeFileSync(join(folder, "executor.tar.gz"), "the executor");
  writeFileSync(join(folder, "secret.txt"), "secret");
  images = new Map([
    ["one", { token: "token-1", inputPath: join(folder, "cat.png"), hasResult: false }],
    ["url", { token: "token-2", inputPath: undefined, hasResult: false }],
  ]);
  results = [];
  unwritten = [];
  server = await FileServer.start({
    bindHost: "127.0.0.1",
    port: 0,
    advertisedHost: "127.0.0.1",
    archive: { path: join(folder, "executor.tar.gz"), fileName: "inverter-1.tar.gz", token: "archive-token" },
    folder,
    maxResultBytes: 1000,
    findImage: (id) => images.get(id),
    onResult: async (id: string, { path }: ReceivedResult) => {
      const image = images.get(id);
      const content = readFileSync(path, "utf8");
      rmSync(path);
      if (image === undefined || image.hasResult) return false;
      images.set(id, { ...image, hasResult: true });
      results.push({ id, content });
      return true;
    },
    onUnwritable: (error) => unwritten.push(error.message),
  });
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const put = (url: string, body: string | ReadableStream, init: RequestInit = {}) =>
  fetch(url, { method: "PUT", body, ...(typeof body === "string" ? {} : { duplex: "half" }), ...init } as RequestInit);

/** Sends the request line as it is: `fetch` would tidy the path up. */
async function raw(line: string): Promise<number> {
  const socket = connect(server.port, "127.0.0.1");
  socket.end(`${line} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc`);
  let text = "";
  for await (const chunk of socket) text += chunk;
  return Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]);
}

function leftovers(): string[] {
  const incoming = join(folder, INCOMING_FOLDER);
  return existsSync(incoming) ? readdirSync(incoming) : [];
}

describe("what agents fetch", () => {
  it("is the input and the executor's archive, with their length", async () => {
    const input = await fetch(server.inputUrl("one", "token-1"));
    expect([input.status, input.headers.get("content-length"), await input.text()]).toEqual([200, "5", "a cat"]);
    const archive = await fetch(server.archiveUrl);
    expect(await archive.text()).toBe("the executor");
    const head = await fetch(server.archiveUrl, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "12", ""]);
  });

  it("is nothing without the token, or with that of another", async () => {
    for (const url of [
      server.inputUrl("one", "token-2"),
      server.inputUrl("one", "token-1x"),
      server.inputUrl("other", "token-1"),
      server.inputUrl("url", "token-2"),
      server.archiveUrl.replace("archive-token", "wrong"),
      server.archiveUrl.replace("inverter-1", "secret"),
      `${server.origin}/`,
      `${server.origin}/input/one`,
      `${server.inputUrl("one", "token-1")}?x=1`,
    ]) {
      expect((await fetch(url)).status, url).toBe(404);
    }
  });

  it("is gone when the file is", async () => {
    rmSync(join(folder, "cat.png"));
    expect((await fetch(server.inputUrl("one", "token-1"))).status).toBe(410);
  });

  it("can't be written, and is told so with what is allowed", async () => {
    const response = await put(server.inputUrl("one", "token-1"), "x");
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });
});

describe("paths", () => {
  it.each([
    ["GET /input/../secret.txt"],
    ["GET /input/one/..%2f..%2fsecret.txt"],
    ["GET /%2e%2e/%2e%2e/etc/passwd"],
    ["GET //etc/passwd/../x"],
    ["GET /input\\..\\secret.txt"],
    ["PUT /result/one/../../../tmp/x"],
    ["PUT http://127.0.0.1/result/one/token-1"],
    ["GET /input/one/%00"],
  ])("%s is refused as malformed", async (line) => {
    expect(await raw(line)).toBe(400);
    expect(results).toEqual([]);
  });

  it("that look like a file's are unknown", async () => {
    expect(await raw("GET /secret.txt")).toBe(404);
    expect(await raw(`GET ${folder}/secret.txt`)).toBe(404);
    expect(await raw("GET //etc/passwd")).toBe(404);
    expect(await raw("PUT /result/etc/passwd")).toBe(404);
  });
});

describe("results", () => {
  it("are taken once", async () => {
    const url = server.resultUrl("one", "token-1");
    expect((await put(url, "inverted")).status).toBe(201);
    expect((await put(url, "again")).status).toBe(409);
    expect(results).toEqual([{ id: "one", content: "inverted" }]);
    expect(leftovers()).toEqual([]);
  });

  it("are taken once when two come at the same time", async () => {
    const url = server.resultUrl("one", "token-1");
    const statuses = await Promise.all(["a", "b", "c"].map(async (body) => (await put(url, body)).status));
    expect(statuses.sort()).toEqual([201, 409, 409]);
    expect(results.length).toBe(1);
    expect(leftovers()).toEqual([]);
  });

  it("need the token, the method and some content", async () => {
    expect((await put(server.resultUrl("one", "token-2"), "x")).status).toBe(404);
    expect((await put(server.resultUrl("nobody", "token-1"), "x")).status).toBe(404);
    expect((await fetch(server.resultUrl("one", "token-1"), { method: "POST", body: "x" })).status).toBe(405);
    expect((await fetch(server.resultUrl("one", "token-1"))).headers.get("allow")).toBe("PUT");
    expect((await put(server.resultUrl("one", "token-1"), "")).status).toBe(400);
    expect(results).toEqual([]);
  });

  it("that are too large are refused, whether they say so or not", async () => {
    const url = server.resultUrl("one", "token-1");
    expect((await put(url, "x".repeat(1001))).status).toBe(413);
    const chunks = new ReadableStream({
      start(controller) {
        for (let i = 0; i < 11; i++) controller.enqueue(new TextEncoder().encode("x".repeat(100)));
        controller.close();
      },
    });
    expect((await put(url, chunks)).status).toBe(413);
    expect((await put(url, "x".repeat(1000))).status).toBe(201);
    expect(leftovers()).toEqual([]);
  });

  it("that can't be written are to come again, and that is told", async () => {
    const incoming = join(folder, INCOMING_FOLDER);
    rmSync(incoming, { recursive: true, force: true });
    writeFileSync(incoming, "in the way");
    const url = server.resultUrl("one", "token-1");
    expect((await put(url, "x")).status).toBe(503);
    expect(unwritten).toEqual([
      expect.stringMatching(
        /^\S+ can't be written: it is not a folder\. Once it can be written again, run the program /,
      ),
    ]);
    rmSync(incoming);
    expect((await put(url, "x")).status).toBe(201);
  });

  it("that are cut short leave nothing, and can come again", async () => {
    const url = new URL(server.resultUrl("one", "token-1"));
    const socket = connect(server.port, "127.0.0.1");
    socket.write(`PUT ${url.pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\npartial`);
    while (leftovers().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.destroy();
    while (leftovers().length > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(results).toEqual([]);
    expect((await put(url.href, "whole")).status).toBe(201);
  });
});

it("does not share a port that is taken", async () => {
  const start = FileServer.start({
    bindHost: "127.0.0.1",
    port: server.port,
    advertisedHost: "127.0.0.1",
    archive: { path: "", fileName: "", token: "" },
    folder,
    maxResultBytes: 1,
    findImage: () => undefined,
    onResult: async () => false,
    onUnwritable: () => {},
  });
  await expect(start).rejects.toMatchObject({ code: "EADDRINUSE" });
});
