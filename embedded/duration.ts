import { DURATION_UNITS } from "../wire/duration.js";

/** The duration in the unit that Mesos prints: the largest that still gives a whole number (90 s is `90secs`). */
export function formatDuration(ms: number): string {
  for (const [name, size] of DURATION_UNITS) {
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
  const unit = DURATION_UNITS.get(name);
  if (unit !== undefined) return Number(amount) * unit;
  const known = "'ns', 'us', 'ms', 'secs', 'mins', 'hrs', 'days', and 'weeks'";
  throw new Error(`Unknown duration unit '${name}'; supported units are ${known}`);
}
