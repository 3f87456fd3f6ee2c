import type { Clock } from "../../wire/clock.js";
import type { Lease } from "./lease.js";
import type { RecordWriter } from "./recordWriter.js";

type State =
  | { readonly kind: "present" }
  /** `expiresMs`: when the lease runs out, in ms since 1970. */
  | { readonly kind: "away"; readonly expiresMs: number }
  /** The session has ended. */
  | { readonly kind: "over" };

const PRESENT: State = { kind: "present" };
const OVER: State = { kind: "over" };

/** Whether a session's client is there, and how long the session waits for it if it is not. */
export class Presence {
  readonly #lease: Lease;
  readonly #records: RecordWriter;
  readonly #clock: Clock;
  readonly #begun: (leaseMs: number) => void;
  #state: State = PRESENT;

  /** @param begun is told of each lease that begins, in ms */
  constructor(lease: Lease, records: RecordWriter, clock: Clock, begun: (leaseMs: number) => void) {
    this.#begun = begun;
    this.#lease = lease;
    this.#records = records;
    this.#clock = clock;
  }

  /** When the lease of an absent client runs out, in ms since 1970; undefined while a client is there. */
  get leaseExpiresMs(): number | undefined {
    return this.#state.kind === "away" ? this.#state.expiresMs : undefined;
  }

  /** The client is gone, and has `leaseMs` to come back. */
  left(leaseMs: number): void {
    if (this.#state.kind === "over") return;
    this.#lease.start(leaseMs);
    this.#away(leaseMs);
    this.#begun(leaseMs);
  }

  returned(): void {
    this.#lease.stop();
    if (this.#state.kind !== "over") this.#state = PRESENT;
    this.#records.change((record) => ({ ...record, detachedAtMs: undefined }));
  }

  /** What a client that comes back wants is being stored: meanwhile it does not lose its lease. */
  returning(): void {
    if (this.#state.kind === "away") this.#lease.pause();
  }

  /** It has not come back after all, because the bridge could not attach it: it has `leaseMs` to try again. */
  turnedAway(leaseMs: number): void {
    if (this.#state.kind !== "away") return;
    this.#lease.goOn(leaseMs);
    this.#away(leaseMs);
  }

  end(): void {
    this.#lease.stop();
    this.#state = OVER;
  }

  #away(leaseMs: number): void {
    const nowMs = this.#clock.wallTime();
    this.#state = { kind: "away", expiresMs: nowMs + leaseMs };
    this.#records.change((record) => ({ ...record, detachedAtMs: record.detachedAtMs ?? nowMs }));
  }
}
