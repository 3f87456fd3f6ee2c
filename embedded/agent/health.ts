import type { CheckStatusInfo, HealthCheck } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../clock.js";

const DEFAULT_GRACE_SECONDS = 10;
const DEFAULT_CONSECUTIVE_FAILURES = 3;

/** Something that the scheduler is to be told. `kill`: too many failures one after the other. */
export interface HealthChange {
  readonly healthy: boolean;
  readonly kill: boolean;
}

/**
 * Makes a task's health out of what its checks say, as Mesos's executors do: failures before the first success don't
 * count within the grace period; successes are told once, failures each time.
 */
export class Health {
  readonly #check: HealthCheck;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #failures = 0;
  #everHealthy = false;

  constructor(check: HealthCheck, clock: Clock) {
    this.#check = check;
    this.#clock = clock;
    this.#startedMs = clock.now();
  }

  /** @returns what is to be told, or undefined */
  take(result: CheckStatusInfo | undefined): HealthChange | undefined {
    return result && isGood(result) ? this.#success() : this.#failure();
  }

  #success(): HealthChange | undefined {
    const news = !this.#everHealthy || this.#failures > 0;
    this.#everHealthy = true;
    this.#failures = 0;
    return news ? { healthy: true, kill: false } : undefined;
  }

  #failure(): HealthChange | undefined {
    const graceMs = (this.#check.gracePeriodSeconds ?? DEFAULT_GRACE_SECONDS) * 1000;
    if (!this.#everHealthy && graceMs > 0 && this.#clock.now() - this.#startedMs <= graceMs) return undefined;
    this.#failures++;
    const kill = this.#failures >= (this.#check.consecutiveFailures ?? DEFAULT_CONSECUTIVE_FAILURES);
    return { healthy: false, kill };
  }
}

function isGood({ command, http, tcp }: CheckStatusInfo): boolean {
  if (command) return command.exitCode === 0;
  if (http) return (http.statusCode ?? 0) >= 200 && (http.statusCode ?? 0) < 400;
  return tcp?.succeeded === true;
}
