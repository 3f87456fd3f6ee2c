import { Queue } from "./queue.js";
import type { SessionEvent } from "./sessionEvent.js";

const REMEMBERED_ACKNOWLEDGEMENTS = 20_000;

/** An update that the client has not acknowledged. */
export interface UnacknowledgedUpdate {
  /** The live event that brought it. */
  readonly event: SessionEvent;
  /** Empty for an operation's update. */
  readonly taskId: string;
  readonly terminal: boolean;
}

/** Updates that wait for the client's acknowledgement, and those that have had it. */
export class UnacknowledgedUpdates {
  readonly #unacknowledged = new Map<string, UnacknowledgedUpdate>();
  /** Acknowledged ones, the newest, so that a retransmission that crossed is recognized. */
  readonly #acknowledged = new Set<string>();
  readonly #order = new Queue<string>();

  get size(): number {
    return this.#unacknowledged.size;
  }

  /** When the oldest of them came, in ms since 1970. */
  get oldestMs(): number | undefined {
    for (const { event } of this.#unacknowledged.values()) return event.receiveTimeMs;
    return undefined;
  }

  /** In the order in which they came. */
  values(): IterableIterator<UnacknowledgedUpdate> {
    return this.#unacknowledged.values();
  }

  state(key: string): "new" | "unacknowledged" | "acknowledged" {
    if (this.#unacknowledged.has(key)) return "unacknowledged";
    return this.#acknowledged.has(key) ? "acknowledged" : "new";
  }

  add(key: string, update: UnacknowledgedUpdate): void {
    this.#unacknowledged.set(key, update);
  }

  /** Mesos has taken the acknowledgement. The update that is no longer unacknowledged, if it was. */
  acknowledged(key: string): UnacknowledgedUpdate | undefined {
    const update = this.#unacknowledged.get(key);
    this.#unacknowledged.delete(key);
    if (!this.#acknowledged.has(key)) this.#remember(key);
    return update;
  }

  clear(): void {
    this.#unacknowledged.clear();
  }

  #remember(key: string): void {
    this.#acknowledged.add(key);
    this.#order.push(key);
    if (this.#order.size <= REMEMBERED_ACKNOWLEDGEMENTS) return;
    const oldest = this.#order.shift();
    if (oldest !== undefined) this.#acknowledged.delete(oldest);
  }
}
