const MAX_DISTANCE = 2;

/** Ends an error about an unknown word: asks whether the most similar word is meant, or else lists the known words. */
export function didYouMean(word: string, known: readonly string[]): string {
  const nearest = nearestOf(word, known);
  return nearest === undefined ? `: use ${known.join(", ")}` : `: did you mean '${nearest}'?`;
}

/** The known word that is most similar to this one, if one is similar at all. */
export function nearestOf(word: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = MAX_DISTANCE + 1;
  for (const candidate of known) {
    const distance = distanceBetween(word.toLowerCase().replaceAll("_", "-"), candidate);
    if (distance >= least) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

/** How many letters have to be added, removed or changed; `Infinity` if they are surely too many. */
function distanceBetween(from: string, to: string): number {
  if (Math.abs(from.length - to.length) > MAX_DISTANCE) return Number.POSITIVE_INFINITY;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const changed = (row[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? Number.POSITIVE_INFINITY;
}
