import type { Clock, Planned } from "../../../wire/clock.js";
import type { Audit, AuditEvent } from "./audit.js";

/** Where lines go. */
export interface AuditOutput {
  write(event: object): void;
  /** Writes what is left. */
  end(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** Identities that are counted at a time; those beyond are written early. */
const MAX_COUNTED = 10_000;

/** Gives events their time, and counts what is too frequent for lines. */
export class AuditLog implements Audit {
  readonly kept = true;
  readonly #output: AuditOutput;
  readonly #clock: Clock;
  readonly #timer: Planned;
  readonly #counts = new Map<string, { launches: number; kills: number }>();

  constructor(output: AuditOutput, clock: Clock) {
    this.#output = output;
    this.#clock = clock;
    this.#timer = clock.every(MINUTE_MS, () => this.#writeCounts());
  }

  record(event: AuditEvent): void {
    this.#output.write({ time: new Date(this.#clock.wallTime()).toISOString(), ...event });
  }

  count(identity: string, launches: number, kills: number): void {
    const counts = this.#counts.get(identity);
    if (counts) {
      counts.launches += launches;
      counts.kills += kills;
      return;
    }
    if (this.#counts.size >= MAX_COUNTED) this.#writeCounts();
    this.#counts.set(identity, { launches, kills });
  }

  async close(): Promise<void> {
    this.#timer.cancel();
    this.#writeCounts();
    await this.#output.end();
  }

  #writeCounts(): void {
    for (const [identity, counts] of this.#counts) this.record({ event: "activity", identity, ...counts });
    this.#counts.clear();
  }
}
