import { Queue } from "./queue.js";
import type { SessionEvent } from "./sessionEvent.js";

const REMEMBERED_ACKNOWLEDGEMENTS = 20_000;

/** An update that the client has not acknowledged. */
export interface OwedUpdate {
  /** The live event that brought it. */
  readonly event: SessionEvent;
  /** Empty for an operation's update. */
  readonly taskId: string;
  readonly terminal: boolean;
}

/** Updates that wait for the client's acknowledgement, and those that have had it. */
export class OwedUpdates {
  readonly #owed = new Map<string, OwedUpdate>();
  /** Acknowledged ones, the newest, so that a retransmission that crossed is recognized. */
  readonly #acknowledged = new Set<string>();
  readonly #order = new Queue<string>();

  get size(): number {
    return this.#owed.size;
  }

  /** In the order in which they came. */
  values(): IterableIterator<OwedUpdate> {
    return this.#owed.values();
  }

  state(key: string): "new" | "owed" | "acknowledged" {
    if (this.#owed.has(key)) return "owed";
    return this.#acknowledged.has(key) ? "acknowledged" : "new";
  }

  add(key: string, update: OwedUpdate): void {
    this.#owed.set(key, update);
  }

  /** Mesos has taken the acknowledgement. The update that is no longer owed, if it was. */
  acknowledged(key: string): OwedUpdate | undefined {
    const update = this.#owed.get(key);
    this.#owed.delete(key);
    if (!this.#acknowledged.has(key)) this.#remember(key);
    return update;
  }

  clear(): void {
    this.#owed.clear();
  }

  #remember(key: string): void {
    this.#acknowledged.add(key);
    this.#order.push(key);
    if (this.#order.size <= REMEMBERED_ACKNOWLEDGEMENTS) return;
    const oldest = this.#order.shift();
    if (oldest !== undefined) this.#acknowledged.delete(oldest);
  }
}
