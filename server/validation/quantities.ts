/** Mesos keeps a quantity as a 64-bit count of thousandths. */
const THOUSANDTHS = 1000;
const INT64_LIMIT = 2 ** 63;
const NANOSECONDS_PER_SECOND = 1e9;

/**
 * Mesos: the amount of a scalar resource is a finite number, not negative, that fits its fixed-point form; whatever
 * does not becomes negative there. In `offer_filters` an amount that is finite but too large brings the master down.
 */
export function quantityProblem(value: number): string | undefined {
  if (!Number.isFinite(value)) return "must be a finite number";
  if (value < 0) return "must not be negative";
  if (!addsUp(value)) return "is too large: Mesos keeps amounts up to 9.2e15";
  return undefined;
}

/** Whether Mesos can hold a sum of amounts, none of which is negative. */
export function addsUp(sum: number): boolean {
  return sum * THOUSANDTHS < INT64_LIMIT;
}

/** Mesos: `failover_timeout` has to fit 64 bits of nanoseconds, about 292 years. It takes NaN and negative ones. */
export function failoverTimeoutProblem(seconds: number): string | undefined {
  if (Math.abs(seconds) * NANOSECONDS_PER_SECOND < INT64_LIMIT || Number.isNaN(seconds)) return undefined;
  return "is too large: Mesos keeps times up to 9223372036 s";
}

/** Mesos: grace periods and completion times are not negative. */
export function nonNegativeProblem(value: number): string | undefined {
  return value < 0 ? "must not be negative" : undefined;
}

/** At least one element. */
export function noneProblem(count: number): string | undefined {
  return count === 0 ? "must have at least one element" : undefined;
}
