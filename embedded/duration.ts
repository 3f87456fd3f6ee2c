/** Durations in Mesos's notation: a decimal number and a unit without a space, such as `5secs` or `2.5hrs`. */

const UNITS_MS: ReadonlyArray<readonly [string, number]> = [
  ["weeks", 604_800_000],
  ["days", 86_400_000],
  ["hrs", 3_600_000],
  ["mins", 60_000],
  ["secs", 1000],
  ["ms", 1],
  ["us", 1e-3],
  ["ns", 1e-6],
];

/** Milliseconds of a duration as `5secs`. @throws Error that names the text and the units. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ns|us|ms|secs|mins|hrs|days|weeks)$/.exec(text.trim());
  const unit = UNITS_MS.find(([name]) => name === match?.[2]);
  if (!match || !unit) {
    throw new Error(
      `'${text}' is not a duration: write a number and one of ns, us, ms, secs, mins, hrs, days, weeks, such as 5secs`,
    );
  }
  return Number(match[1]) * unit[1];
}

/** The duration in the unit that Mesos prints: the largest that still gives a whole number (90 s is `90secs`). */
export function formatDuration(ms: number): string {
  for (const [name, size] of UNITS_MS) {
    const amount = ms / size;
    if (amount >= 1 && Number.isInteger(Number(amount.toFixed(9)))) return `${Number(amount.toFixed(9))}${name}`;
  }
  return ms === 0 ? "0ns" : `${Math.round(ms * 1e6)}ns`;
}

/** Milliseconds of a duration in a request, and else what Mesos answers. @throws Error */
export function parseMesosDuration(text: string): number {
  const begin = text.search(/[^\d.]/);
  if (begin < 0) throw new Error(`Invalid duration '${text}'`);
  const [amount, name] = [text.slice(0, begin), text.slice(begin)];
  if (!/^(\d+\.?\d*|\.\d+)$/.test(amount)) throw new Error(`Failed to convert '${amount}' to number`);
  const unit = UNITS_MS.find(([each]) => each === name);
  if (unit) return Number(amount) * unit[1];
  const known = "'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'";
  throw new Error(`Unknown duration unit '${name}'; supported units are ${known}`);
}
