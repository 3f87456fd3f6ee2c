import type { ClientReadableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import { type Ending, endingOf } from "./bridgeEnding.js";
import { type Deadline, deferred, within } from "./eventually.js";

type Source = Pick<ClientReadableStream<unknown>, "cancel" | "pause" | "resume"> & NodeJS.EventEmitter;

/**
 * A stream of the bridge as a queue: what comes waits until a test takes it, so nothing is missed, and what a test
 * does not ask for disturbs nobody.
 */
export class BridgeStream<T> {
  /** All that came, in order, taken or not. */
  readonly received: T[] = [];
  /** Settles when the bridge has taken the stream up: from then on nothing is missed. */
  readonly connected: Promise<void>;
  /** How the stream ended. Settles once it has. */
  readonly ended: Promise<Ending>;
  readonly #call: Source;
  readonly #queue: T[] = [];
  #changed = deferred();
  #ending: Ending | undefined;

  private constructor(call: Source) {
    this.#call = call;
    // Both come for a failed call; 'status' has the trailing metadata in either case.
    call.on("error", (_: ServiceError) => {});
    this.connected = new Promise((resolve) => call.once("metadata", () => resolve()));
    this.ended = new Promise((resolve) => {
      call.on("status", (status: { code: number; details: string; metadata: Metadata }) => {
        this.#ending = endingOf(status);
        this.#wake();
        resolve(this.#ending);
      });
    });
  }

  /** @param itemsOf what one response holds */
  static of<R, T>(call: ClientReadableStream<R>, itemsOf: (response: R) => readonly T[]): BridgeStream<T> {
    const stream = new BridgeStream<T>(call);
    call.on("data", (response: R) => stream.#add(itemsOf(response)));
    return stream;
  }

  /** Takes the first waiting item that meets the condition, or waits for one; what came before it stays. */
  async next(condition: (item: T) => boolean, deadline: Deadline = {}): Promise<T> {
    const { what = "an item of the stream", timeoutMs = 30_000 } = deadline;
    return within(this.#take(condition, what), { timeoutMs, what }).catch((error: Error) => {
      throw new Error(`${error.message}; came so far: ${show(this.received)}`, { cause: error });
    });
  }

  /** Takes the next item, whatever it is. */
  async nextAny(deadline: Deadline = {}): Promise<T> {
    return this.next(() => true, deadline);
  }

  /** What waits and meets the condition, without taking it. */
  waiting(condition: (item: T) => boolean = () => true): T[] {
    return this.#queue.filter(condition);
  }

  /** How the stream ended, or an error if it goes on for longer. */
  async ending(deadline: Deadline = {}): Promise<Ending> {
    return within(this.ended, { what: "the end of the stream", ...deadline });
  }

  /** Reads no more, so that the bridge's buffers fill. */
  pause(): void {
    this.#call.pause();
  }

  resume(): void {
    this.#call.resume();
  }

  cancel(): void {
    this.#call.cancel();
  }

  #add(items: readonly T[]): void {
    this.received.push(...items);
    this.#queue.push(...items);
    this.#wake();
  }

  async #take(condition: (item: T) => boolean, what: string): Promise<T> {
    for (;;) {
      const index = this.#queue.findIndex((item) => condition(item));
      if (index >= 0) return this.#queue.splice(index, 1)[0] as T;
      if (this.#ending) throw new Error(`the stream ended (${JSON.stringify(this.#ending)}) before ${what}`);
      await this.#changed.promise;
    }
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }
}

function show(items: readonly unknown[]): string {
  const text = items
    .slice(-20)
    .map((item) => JSON.stringify(item, (_, value) => (typeof value === "bigint" ? String(value) : value)));
  return text.join("\n").slice(-6_000);
}
