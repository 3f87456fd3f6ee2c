import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { Agent } from "undici";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { download } from "../../../executor/inverter/download.js";
import { retryAfterMs } from "../../../executor/inverter/retryAfter.js";
import { connectionError } from "../../../executor/inverter/transferError.js";
import { upload } from "../../../executor/inverter/upload.js";

const PLAIN = Buffer.from("plain bytes, plain bytes");

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

  it("says what it is", async () => {
    answer = (request, response) => response.end(request.headers["user-agent"]);
    expect((await get("/a")).toString()).toMatch(/^mesos-bridge-inverter\/\d/);
  });

  it.each([
    ["gzip", gzipSync(PLAIN)],
    ["X-GZIP", gzipSync(PLAIN)],
    ["deflate", deflateSync(PLAIN)],
    ["deflate", deflateRawSync(PLAIN)],
    ["br", brotliCompressSync(PLAIN)],
    ["identity", PLAIN],
    ["gzip, br", brotliCompressSync(gzipSync(PLAIN))],
    ["gzip", Buffer.alloc(0)],
  ])("undoes the Content-Encoding %s", async (encoding, body) => {
    answer = (_, response) => response.writeHead(200, { "content-encoding": encoding }).end(body);
    expect(await get("/a")).toEqual(body.length === 0 ? body : PLAIN);
  });

  it("counts what comes out of a Content-Encoding too, between two of them also", async () => {
    const bombs: Record<string, [string, Buffer]> = {
      "/gzip": ["gzip", gzipSync(Buffer.alloc(1_001))],
      "/br": ["br", brotliCompressSync(Buffer.alloc(1_000_000))],
      // Many parts, each of nothing.
      "/twice": ["gzip, gzip", gzipSync(Buffer.concat(Array.from({ length: 1_000 }, () => gzipSync(""))))],
      "/fits": ["gzip", gzipSync(Buffer.alloc(1_000))],
    };
    answer = (request, response) => {
      const [encoding, body] = bombs[request.url ?? ""] ?? ["", Buffer.alloc(0)];
      response.writeHead(200, { "content-encoding": encoding }).end(body);
    };
    for (const path of ["/gzip", "/br", "/twice"]) {
      await expect(get(path), path).rejects.toThrow(`${base}${path} is over the limit of 1000 bytes`);
    }
    expect(await get("/fits")).toHaveLength(1_000);
    expect(requests).toHaveLength(4);
  });

  it("refuses a Content-Encoding that it does not know, or that is none", async () => {
    answer = (request, response) => {
      const encoding = { "/zstd": "zstd", "/proto": "constructor", "/many": "gzip, gzip, gzip, gzip" }[
        request.url ?? ""
      ];
      const body = request.url === "/cut" ? gzipSync(PLAIN).subarray(0, 20) : PLAIN;
      response.writeHead(200, { "content-encoding": encoding ?? "gzip" }).end(body);
    };
    const other = "comes with a Content-Encoding other than gzip, deflate and br";
    await expect(get("/zstd")).rejects.toThrow(`${base}/zstd ${other}`);
    await expect(get("/proto")).rejects.toThrow(other);
    await expect(get("/many")).rejects.toThrow("too many Content-Encodings");
    await expect(get("/plain")).rejects.toThrow(
      `${base}/plain comes with the Content-Encoding gzip, but is not encoded so`,
    );
    await expect(get("/cut")).rejects.toThrow("is not encoded so");
    expect(requests).toHaveLength(5);
  });

  it("sends user and password of the URL, as they are meant, and to no other origin", async () => {
    const seen: string[] = [];
    const record = (name: string, request: IncomingMessage) => {
      const { authorization = "Basic " } = request.headers;
      seen.push(`${name}${request.url} ${Buffer.from(authorization.slice(6), "base64").toString()}`);
    };
    const other = createServer((request, response) => {
      record("other", request);
      response.writeHead(302, { location: `${base}/back` }).end();
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    answer = (request, response) => {
      record("own", request);
      const next = { "/a": "/b", "/b": `http://127.0.0.1:${port}/` }[request.url ?? ""];
      if (next === undefined) response.end("there");
      else response.writeHead(302, { location: next }).end();
    };
    const url = base.replace("http://", "http://m%40e:p%3Ass%20w%C3%B6rd@");
    const options = { dispatcher, signal: new AbortController().signal, maxBytes: 100 };
    expect((await download(`${url}/a`, options)).toString()).toBe("there");
    expect(seen).toEqual(["own/a m@e:p:ss wörd", "own/b m@e:p:ss wörd", "other/ ", "own/back m@e:p:ss wörd"]);
    other.closeAllConnections();
    other.close();
  });

  it.each([
    ["seconds", () => "1"],
    ["a date", () => new Date(Date.now() + 2_000).toUTCString()],
  ])("waits as long as Retry-After asks, in %s", async (_, header) => {
    const times: number[] = [];
    answer = (_request, response) => {
      times.push(performance.now());
      if (times.length === 1) response.writeHead(429, { "retry-after": header() }).end();
      else response.end("four");
    };
    expect((await get("/a")).toString()).toBe("four");
    // A date has no fractions of a second; timers may be a little early.
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(950);
  });

  it("gives up at once when Retry-After asks for more than a minute", async () => {
    answer = (_, response) => response.writeHead(503, { "retry-after": "3600" }).end();
    const failing = get("/a");
    await expect(failing).rejects.toThrow(
      `503 Service Unavailable from ${base}/a (it asks to be left alone for 3600 s)`,
    );
    await expect(failing).rejects.toMatchObject({ retryable: true });
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

describe("Retry-After", () => {
  const now = Date.UTC(1994, 10, 6, 8, 49, 0);

  it.each([
    ["120", 120_000],
    ["Sun, 06 Nov 1994 08:49:37 GMT", 37_000],
    ["Sunday, 06-Nov-94 08:49:37 GMT", 37_000],
    ["Sun Nov  6 08:49:37 1994", 37_000],
    ["Sun, 06 Nov 1994 08:00:00 GMT", 0],
    ["-1", undefined],
    ["1.5", undefined],
    ["soon", undefined],
    ["2026", 2_026_000],
    [undefined, undefined],
  ])("%s is %s ms", (header, expected) => {
    expect(retryAfterMs(header, now)).toBe(expected);
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

  it("sends user and password of the URL, and says what it is", async () => {
    let headers: IncomingMessage["headers"] = {};
    answer = (request, response) => {
      headers = request.headers;
      response.end();
    };
    const url = base.replace("http://", "http://me:secret@");
    await upload(`${url}/out`, data, {
      dispatcher,
      signal: new AbortController().signal,
      contentType: "image/png",
    });
    expect(headers.authorization).toBe(`Basic ${Buffer.from("me:secret").toString("base64")}`);
    expect(headers["user-agent"]).toMatch(/^mesos-bridge-inverter/);
  });

  it("says where nobody listens", async () => {
    // A port that was just closed may be another test's a moment later.
    const nowhere = "http://127.0.0.1:1/out";
    const { signal } = new AbortController();
    await expect(upload(nowhere, data, { dispatcher, signal, contentType: "image/png" })).rejects.toThrow(
      "server gone: connection refused by 127.0.0.1:1 (tried 4 times)",
    );
  });

  it("ends with the signal", async () => {
    const abort = new AbortController();
    answer = () => abort.abort(new Error("killed"));
    await expect(put("/out", data, abort.signal)).rejects.toThrow("killed");
  });
});
