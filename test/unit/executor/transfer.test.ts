import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Agent } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download } from "../../../executor/inverter/download.js";
import { connectionError } from "../../../executor/inverter/transferError.js";
import { upload } from "../../../executor/inverter/upload.js";

let server: Server;
let dispatcher: Agent;
let base: string;
let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => answer(request, response, Buffer.concat(chunks)));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  dispatcher = new Agent({ headersTimeout: 1_000, bodyTimeout: 1_000 });
});

afterEach(async () => {
  await dispatcher.destroy();
  server.closeAllConnections();
  server.close();
});

function get(path: string, options: Partial<Parameters<typeof download>[1]> = {}): Promise<Buffer> {
  return download(base + path, { dispatcher, signal: new AbortController().signal, maxBytes: 1_000, ...options });
}

function put(path: string, data: Buffer, signal = new AbortController().signal): Promise<void> {
  return upload(base + path, data, { dispatcher, signal, contentType: "image/png" });
}

describe("download", () => {
  it("fetches the bytes and tells how far it is", async () => {
    answer = (_, response) => response.writeHead(200, { "content-length": "4" }).end("four");
    const fractions: number[] = [];
    expect((await get("/a", { onProgress: (fraction) => fractions.push(fraction) })).toString()).toBe("four");
    expect(fractions.at(-1)).toBe(1);
  });

  it("follows redirects, relative ones too, but not for ever and not out of http", async () => {
    answer = (request, response) => {
      if (request.url === "/end") return response.end("there");
      if (request.url === "/file") return response.writeHead(302, { location: "file:///etc/passwd" }).end();
      return response.writeHead(307, { location: request.url === "/loop" ? "/loop" : "end" }).end();
    };
    expect((await get("/start")).toString()).toBe("there");
    await expect(get("/loop")).rejects.toThrow(`more than 5 redirects from ${base}/loop`);
    expect(requests.filter((line) => line.endsWith("/loop"))).toHaveLength(6);
    await expect(get("/file")).rejects.toThrow("redirect to file: from");
  });

  it("looks at the announced length first, and counts where none is announced", async () => {
    answer = (request, response) => {
      if (request.url === "/announced")
        return response.writeHead(200, { "content-length": "5000" }).end(Buffer.alloc(5_000));
      for (let i = 0; i < 20; i++) response.write(Buffer.alloc(100));
      return response.end();
    };
    await expect(get("/announced")).rejects.toThrow(`${base}/announced is 4.88 KiB, over the limit of 1000 bytes`);
    await expect(get("/counted")).rejects.toThrow(`${base}/counted is over the limit of 1000 bytes`);
    expect(requests).toHaveLength(2);
  });

  it("tries again what may pass: 503, a reset, a body that breaks off", async () => {
    answer = (request, response) => {
      if (requests.length === 1) return response.writeHead(503).end();
      if (requests.length === 2) return request.socket.resetAndDestroy();
      if (requests.length === 3)
        return response.writeHead(200, { "content-length": "4" }).write("f", () => request.socket.destroy());
      return response.end("four");
    };
    expect((await get("/a")).toString()).toBe("four");
    expect(requests).toHaveLength(4);
  });

  it("gives up after four tries, and at once where trying again is no use", async () => {
    answer = (request, response) => response.writeHead(request.url === "/busy" ? 503 : 404).end();
    await expect(get("/busy")).rejects.toThrow(`503 Service Unavailable from ${base}/busy (tried 4 times)`);
    expect(requests).toHaveLength(4);
    await expect(get("/none?key=secret")).rejects.toThrow(`404 Not Found from ${base}/none?…`);
    expect(requests).toHaveLength(5);
  });

  it("says who stalls, and which host there is not", async () => {
    answer = () => {};
    const short = new Agent({ headersTimeout: 50, bodyTimeout: 50 });
    await expect(get("/a", { dispatcher: short })).rejects.toThrow("server stalled: nothing came from 127.0.0.1");
    await short.destroy();
    const noHost = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });
    const both = new AggregateError([Object.assign(new Error("connect"), { code: "ECONNREFUSED" })]);
    expect(connectionError(noHost, new URL("http://nowhere/a")).message).toBe("no such host: nowhere");
    expect(connectionError(both, new URL("https://both/a")).message).toBe(
      "server gone: connection refused by both:443",
    );
  });

  it("ends with the signal, also while it waits to try again", async () => {
    const abort = new AbortController();
    answer = (_, response) => {
      response.writeHead(503).end();
      setTimeout(() => abort.abort(new Error("killed")), 20);
    };
    await expect(get("/a", { signal: abort.signal })).rejects.toThrow("killed");
    expect(requests).toHaveLength(1);
  });

  it("keeps user, password and query out of its messages", async () => {
    answer = (_, response) => response.writeHead(403).end();
    const url = base.replace("http://", "http://user:password@");
    const failing = download(`${url}/a?signature=secret`, {
      dispatcher,
      signal: new AbortController().signal,
      maxBytes: 1,
    });
    await expect(failing).rejects.toThrow(`403 Forbidden from ${base}/a?…`);
  });
});

describe("upload", () => {
  const data = Buffer.alloc(700_000, "x");

  it("puts all bytes with their type, and repeats them when the server was away", async () => {
    let got: Buffer | undefined;
    let type: string | undefined;
    answer = (request, response, body) => {
      if (requests.length === 1) return response.writeHead(503).end();
      if (requests.length === 2) return request.socket.resetAndDestroy();
      got = body;
      type = request.headers["content-type"];
      return response.writeHead(201).end();
    };
    await put("/out", data);
    expect(got?.equals(data)).toBe(true);
    expect(type).toBe("image/png");
    expect(requests).toEqual(["PUT /out", "PUT /out", "PUT /out"]);
  });

  it("follows a 307, and takes a 302 for a refusal", async () => {
    let got: Buffer | undefined;
    answer = (request, response, body) => {
      if (request.url === "/there") {
        got = body;
        return response.writeHead(204).end();
      }
      return response.writeHead(request.url === "/moved" ? 307 : 302, { location: "/there" }).end();
    };
    await put("/moved", data);
    expect(got?.equals(data)).toBe(true);
    await expect(put("/found", data)).rejects.toThrow(`302 Found for the upload to ${base}/found`);
  });

  it("says where nobody listens", async () => {
    const { port } = server.address() as AddressInfo;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
    await expect(put("/out", data)).rejects.toThrow(
      `server gone: connection refused by 127.0.0.1:${port} (tried 4 times)`,
    );
  });

  it("ends with the signal", async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new Error("killed"));
    await expect(put("/out", data, abort.signal)).rejects.toThrow("killed");
  });
});
