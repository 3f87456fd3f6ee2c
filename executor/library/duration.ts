/** Nanoseconds are the smallest unit of Mesos's durations; these are milliseconds per unit. */
const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["ns", 1e-6],
  ["us", 1e-3],
  ["ms", 1],
  ["secs", 1_000],
  ["mins", 60_000],
  ["hrs", 3_600_000],
  ["days", 86_400_000],
  ["weeks", 604_800_000],
]);

/** Mesos keeps durations as signed 64-bit nanoseconds; anything longer can't come from an agent. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Reads a duration as Mesos writes it into an executor's environment: a decimal number with
 * the unit right behind it, such as `5secs`, `2.5hrs` or `250ms`. Units: ns us ms secs mins hrs days weeks.
 *
 * @returns milliseconds, which may be a fraction
 * @throws RangeError that names the text and the units
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?|\.\d+)([a-z]+)$/.exec(text);
  const unit = UNIT_MS.get(match?.[2] ?? "");
  if (match?.[1] === undefined || unit === undefined) {
    throw new RangeError(
      `'${text}' is not a duration: write a number and a unit, as 5secs (${[...UNIT_MS.keys()].join(", ")})`,
    );
  }
  const milliseconds = Number(match[1]) * unit;
  if (milliseconds > MAX_MS) throw new RangeError(`the duration '${text}' is too long for Mesos`);
  return milliseconds;
}
