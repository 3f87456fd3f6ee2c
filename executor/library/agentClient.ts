import { Client, type Dispatcher } from "undici";
import { Call, Event } from "../../gen/mesos/v1/executor/executor.js";
import { RecordReader } from "../../wire/recordio.js";
import type { ExecutorEnvironment } from "./environment.js";

const MEDIA_TYPE = "application/x-protobuf";
/** An agent answers at once: it takes calls without waiting for anything. */
const ANSWER_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Of an error's text, as much as belongs into a log line. */
const MAX_ERROR_TEXT_BYTES = 1_024;

/** The agent answered, but not with what was asked for. */
export class AgentRefusal extends Error {
  override readonly name = "AgentRefusal";
  constructor(
    readonly status: number,
    readonly text: string,
    call: string,
  ) {
    super(`the agent answered ${call} with ${status}${text ? `: ${text}` : ""}`);
  }

  /** True for an agent that is still starting: 503 while it recovers, 404 before its API is there. */
  get starting(): boolean {
    return this.status === 503 || this.status === 404;
  }
}

/**
 * The executor API of one agent. The subscription's response never ends, so it has a connection of
 * its own; calls go over another one, and reach the agent in the order in which they were sent.
 */
export class AgentClient {
  readonly #environment: ExecutorEnvironment;
  readonly #calls: Client;

  constructor(environment: ExecutorEnvironment) {
    this.#environment = environment;
    this.#calls = this.#connection({ bodyTimeout: ANSWER_TIMEOUT_MS });
  }

  /**
   * Sends a SUBSCRIBE call and hands out what the agent sends, until the stream ends.
   *
   * @throws AgentRefusal when the agent does not answer with a stream; the connection's error when that breaks;
   *   RecordIOError when the stream is none
   */
  async subscribe(call: Call, onEvent: (event: Event) => void, signal: AbortSignal): Promise<void> {
    const client = this.#connection({ bodyTimeout: 0 });
    try {
      const response = await client.request({ ...this.#request(call), signal });
      if (response.statusCode !== 200) throw await refusal(response, "SUBSCRIBE");
      response.body.on("error", () => {});
      if (response.headers["content-type"] !== MEDIA_TYPE) {
        throw new AgentRefusal(200, `a stream of ${response.headers["content-type"]}, not ${MEDIA_TYPE}`, "SUBSCRIBE");
      }
      const reader = new RecordReader();
      for await (const chunk of response.body) reader.push(chunk, (record) => onEvent(Event.decode(record)));
    } finally {
      await client.destroy();
    }
  }

  /**
   * Sends any other call. The caller waits for one before it sends the next, which keeps them in order.
   *
   * @throws AgentRefusal unless the agent answered 202; the connection's error when that breaks
   */
  async send(call: Call, name: string, signal: AbortSignal): Promise<void> {
    const response = await this.#calls.request({ ...this.#request(call), signal });
    if (response.statusCode !== 202) throw await refusal(response, name);
    await response.body.dump();
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    await this.#calls.destroy();
  }

  #connection(options: { bodyTimeout: number }): Client {
    const { origin, tls } = this.#environment;
    return new Client(origin, {
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: options.bodyTimeout,
      connect: { timeout: CONNECT_TIMEOUT_MS, ...tls },
    });
  }

  #request(call: Call): Dispatcher.RequestOptions {
    const { path, token } = this.#environment;
    return {
      method: "POST",
      path,
      headers: {
        "content-type": MEDIA_TYPE,
        accept: MEDIA_TYPE,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: Call.encode(call).finish(),
    };
  }
}

async function refusal(response: Dispatcher.ResponseData, call: string): Promise<AgentRefusal> {
  const { body, statusCode } = response;
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Broken off, the body reports an error: that must have a listener.
  body.on("error", () => {});
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes >= MAX_ERROR_TEXT_BYTES) break;
  }
  return new AgentRefusal(statusCode, Buffer.concat(chunks).toString("utf8", 0, MAX_ERROR_TEXT_BYTES).trim(), call);
}
