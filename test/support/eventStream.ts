import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { RecordReader } from "../../wire/recordio.js";
import type { Codec, MessageClass } from "./codec.js";
import { type Deadline, deferred, within } from "./eventually.js";

/** One event as it came. */
export interface Received<E> {
  event: E;
  /** The record's bytes. */
  record: Uint8Array;
  /** When it came, by `performance.now()`. */
  at: number;
}

/**
 * A Mesos event stream as a queue. Events wait until a test takes them, so none is missed; what a test does not
 * ask for stays and disturbs nobody.
 */
export class EventStream<E extends object> {
  readonly headers: IncomingHttpHeaders;
  /** All events so far, in order, taken or not. */
  readonly received: Received<E>[] = [];
  /** Settles when the other side ends the stream, or it breaks. */
  readonly ended: Promise<void>;
  readonly #response: IncomingMessage;
  readonly #queue: Received<E>[] = [];
  #changed = deferred();
  #over = false;
  #error: Error | undefined;

  constructor(response: IncomingMessage, codec: Codec, type: MessageClass<E>) {
    this.#response = response;
    this.headers = response.headers;
    const reader = new RecordReader();
    response.on("data", (chunk: Buffer) => {
      reader.push(chunk, (record) => {
        const received = { event: codec.decode(type, record), record, at: performance.now() };
        this.received.push(received);
        this.#queue.push(received);
      });
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      const end = (error?: Error) => {
        this.#over = true;
        this.#error ??= error;
        this.#wake();
        resolve();
      };
      response
        .on("end", () => end())
        .on("error", end)
        .on("close", () => end());
    });
  }

  /** Takes the next event that has the field `key`, and gives that field. */
  async next<K extends keyof E>(key: K, deadline?: Deadline): Promise<NonNullable<E[K]>> {
    return this.nextWhere(key, () => true, deadline);
  }

  /** Takes the next event that has the field `key` and meets the condition, and gives that field. */
  async nextWhere<K extends keyof E>(
    key: K,
    condition: (value: NonNullable<E[K]>) => boolean,
    deadline?: Deadline,
  ): Promise<NonNullable<E[K]>> {
    const holds = ({ [key]: value }: E) => value !== undefined && value !== null && condition(value);
    const { event } = await this.take(holds, { what: String(key), ...deadline });
    return event[key] as NonNullable<E[K]>;
  }

  /** Takes the next event of any kind. */
  async nextAny(deadline?: Deadline): Promise<Received<E>> {
    return this.take(() => true, { what: "an event", ...deadline });
  }

  /** Takes the first waiting event that meets the condition, or waits for one. */
  async take(
    condition: (event: E) => boolean,
    { timeoutMs = 30_000, what = "the event" }: Deadline = {},
  ): Promise<Received<E>> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const index = this.#queue.findIndex(({ event }) => condition(event));
      const [found] = index < 0 ? [] : this.#queue.splice(index, 1);
      if (found) return found;
      if (this.#over) throw new Error(`the stream ended before ${what}${this.#describe()}`, { cause: this.#error });
      const left = deadline - Date.now();
      const description = () => new Error(`${what} did not come within ${timeoutMs} ms${this.#describe()}`);
      if (left <= 0) throw description();
      await within(this.#changed.promise, { timeoutMs: left }).catch(() => {});
    }
  }

  /** True when an event that meets the condition waits to be taken. */
  has(condition: (event: E) => boolean): boolean {
    return this.#queue.some(({ event }) => condition(event));
  }

  /** Closes the connection, as a client that goes away does. */
  stop(): void {
    this.#response.destroy();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }

  #describe(): string {
    const names = this.received.map(({ event }) => Object.entries(event).find(isPayload)?.[0] ?? JSON.stringify(event));
    return `; received so far: ${names.join(", ") || "nothing"}`;
  }
}

const isPayload = ([key, value]: [string, unknown]): boolean =>
  key !== "type" && key !== "_unknownFields" && value !== undefined;
