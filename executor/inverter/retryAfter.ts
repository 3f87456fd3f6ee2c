/**
 * The time for which a server asks not to be asked again, in ms from now, as its Retry-After says: a number of seconds,
 * or a date. Undefined when it says nothing that can be understood, 0 for a date that has passed.
 */
export function retryAfterMs(header: string | string[] | undefined, nowMs: number): number | undefined {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  // Only a date of HTTP: Date.parse understands much that is none.
  if (!/^\s*[A-Z][a-z]+,? .* \d\d:\d\d:\d\d/.test(text)) return undefined;
  // The oldest of its three formats names no zone, and means GMT as the others.
  const time = Date.parse(/GMT\s*$/.test(text) ? text : `${text} GMT`);
  return Number.isNaN(time) ? undefined : Math.max(0, time - nowMs);
}
