import { Client, type Dispatcher } from "undici";
import { Call, Event } from "../../gen/mesos/v1/executor/executor.js";
import { RecordReader } from "../../wire/recordio.js";
import { Secrets } from "../../wire/secrets.js";
import { AnswerDeadline } from "./answerDeadline.js";
import type { ExecutorEnvironment } from "./environment.js";

const MEDIA_TYPE = "application/x-protobuf";
/** An agent answers at once: it takes calls without waiting for anything. */
const ANSWER_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 10_000;
/** When a connection without traffic is probed: what is between may forget it after as little as 20 s. */
const KEEPALIVE_MS = 10_000;
/** How long the connection for calls may be idle and still be used, whatever the agent says that it keeps it for. */
const IDLE_MS = 5_000;
/** Of an error's text, as much is read, and as much belongs into a log line. */
const MAX_ERROR_BYTES = 64 * 1024;
const MAX_ERROR_CHARACTERS = 1_024;

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

  /**
   * True if the agent will never take this call, whatever the executor does. Not so where it takes none from this
   * executor at present (401, 403), is still starting (404), or something on the way answers (408, 429).
   */
  get final(): boolean {
    return this.status >= 400 && this.status < 500 && ![401, 403, 404, 408, 429].includes(this.status);
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
  /** What the agent gets to know of this executor, and may echo. */
  readonly secrets = new Secrets();
  readonly #answerTimeoutMs: number;

  /** @param answerTimeoutMs how long an answer may take, with its text. Default 15,000 */
  constructor(environment: ExecutorEnvironment, answerTimeoutMs = ANSWER_TIMEOUT_MS) {
    this.#environment = environment;
    this.#answerTimeoutMs = answerTimeoutMs;
    if (environment.token !== undefined) this.secrets.remember(environment.token);
    this.#calls = this.#connection();
  }

  /**
   * Sends a SUBSCRIBE call and hands out what the agent sends, until the stream ends.
   *
   * @throws AgentRefusal when the agent does not answer with a stream; the connection's error when that breaks;
   *   RecordIOError when the stream is none
   */
  async subscribe(call: Call, onEvent: (event: Event) => void, signal: AbortSignal): Promise<void> {
    const client = this.#connection();
    const deadline = this.#deadline(signal, "SUBSCRIBE");
    try {
      const response = await client.request({ ...this.#request(call), signal: deadline.signal });
      if (response.statusCode !== 200) throw await refusal(response, "SUBSCRIBE", this.secrets);
      response.body.on("error", () => {});
      if (response.headers["content-type"] !== MEDIA_TYPE) {
        const type = this.secrets.redact(String(response.headers["content-type"]));
        throw new AgentRefusal(200, `a stream of ${type}, not ${MEDIA_TYPE}`, "SUBSCRIBE");
      }
      deadline.met();
      const reader = new RecordReader();
      for await (const chunk of response.body) reader.push(chunk, (record) => onEvent(Event.decode(record)));
    } finally {
      deadline.end();
      await client.destroy();
    }
  }

  /**
   * Sends any other call. The caller waits for one before it sends the next, which keeps them in order.
   *
   * @throws AgentRefusal unless the agent answered 202; the connection's error when that breaks
   */
  async send(call: Call, name: string, signal: AbortSignal): Promise<void> {
    const deadline = this.#deadline(signal, name);
    try {
      const response = await this.#calls.request({ ...this.#request(call), signal: deadline.signal });
      if (response.statusCode !== 202) throw await refusal(response, name, this.secrets);
      // The agent has taken it, whatever becomes of a body that it does not write.
      await response.body.dump().catch(() => {});
    } finally {
      deadline.end();
    }
  }

  /** Breaks what is under way. */
  async close(): Promise<void> {
    await this.#calls.destroy();
  }

  #deadline(signal: AbortSignal, call: string): AnswerDeadline {
    const missed = `the agent did not answer ${call} within ${this.#answerTimeoutMs} ms`;
    return new AnswerDeadline(signal, this.#answerTimeoutMs, missed);
  }

  #connection(): Client {
    const { origin, tls } = this.#environment;
    return new Client(origin, {
      // The deadlines of answers are this class's own: they read what has come before they judge.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: IDLE_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, keepAliveInitialDelay: KEEPALIVE_MS, ...tls },
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

async function refusal(response: Dispatcher.ResponseData, call: string, secrets: Secrets): Promise<AgentRefusal> {
  const { body, statusCode } = response;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let cut = true;
  // Broken off, the body reports an error: that must have a listener.
  body.on("error", () => {});
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_ERROR_BYTES) break;
    }
    cut = bytes >= MAX_ERROR_BYTES;
  } catch {
    // The status says what matters; a text that breaks off, or does not end in time, is told as far as it came.
  }
  const text = secrets.redact(Buffer.concat(chunks).toString("utf8", 0, MAX_ERROR_BYTES), cut).trim();
  return new AgentRefusal(statusCode, text.slice(0, MAX_ERROR_CHARACTERS), call);
}
