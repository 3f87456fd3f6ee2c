/** Milliseconds per unit of Mesos's durations, the largest unit first. Nanoseconds are the smallest. */
export const DURATION_UNITS: ReadonlyMap<string, number> = new Map([
  ["weeks", 604_800_000],
  ["days", 86_400_000],
  ["hrs", 3_600_000],
  ["mins", 60_000],
  ["secs", 1_000],
  ["ms", 1],
  ["us", 1e-3],
  ["ns", 1e-6],
]);

/** Mesos keeps durations as signed 64-bit nanoseconds. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Reads a duration in Mesos's notation: a decimal number with the unit right behind it, such as `5secs`, `2.5hrs` or
 * `250ms`. Units: weeks days hrs mins secs ms us ns.
 *
 * @returns milliseconds, which may be a fraction
 * @throws RangeError that names the text and the units
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)([a-z]+)$/.exec(text);
  const unit = DURATION_UNITS.get(match?.[2] ?? "");
  if (match?.[1] === undefined || unit === undefined) {
    throw new RangeError(
      `'${text}' is not a duration: write a number and a unit, such as 5secs (${[...DURATION_UNITS.keys()].join(", ")})`,
    );
  }
  const milliseconds = Number(match[1]) * unit;
  if (milliseconds > MAX_MS) throw new RangeError(`the duration '${text}' is too long for Mesos`);
  return milliseconds;
}
