import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";

export interface RawRequest {
  method?: string;
  /** Sent as they are: nothing is added but Host, Connection and the length. */
  headers?: Record<string, string>;
  body?: Uint8Array | string;
  agent?: Agent;
  /** For the head of the answer, in milliseconds. Default 10 s */
  timeoutMs?: number;
}

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Sends a request and gives the answer when its head is there; the body is still to be read. */
export function open(url: string, options: RawRequest = {}): Promise<IncomingMessage> {
  const { method = "POST", headers = {}, body = "", agent, timeoutMs = 10_000 } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method,
      agent: agent ?? false,
      headers: { ...headers, "Content-Length": Buffer.byteLength(body) },
    });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`${method} ${url}: no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    outgoing.on("response", (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.end(body);
  });
}

/** Sends a request and reads the whole answer. */
export async function send(url: string, options: RawRequest = {}): Promise<RawAnswer> {
  const answer = await open(url, options);
  const chunks: Buffer[] = [];
  const timer = setTimeout(
    () => answer.destroy(new Error(`${url}: the answer does not end`)),
    options.timeoutMs ?? 10_000,
  );
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } finally {
    clearTimeout(timer);
  }
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(chunks).toString() };
}

/** Gets a JSON document, such as a metrics snapshot. */
export async function getJson(url: string): Promise<unknown> {
  const { status, text } = await send(url, { method: "GET" });
  if (status !== 200) throw new Error(`GET ${url}: ${status} ${text}`);
  return JSON.parse(text) as unknown;
}

/** One connection that is kept: requests on it reach the server in their order. */
export const singleConnection = (): Agent => new Agent({ keepAlive: true, maxSockets: 1 });
