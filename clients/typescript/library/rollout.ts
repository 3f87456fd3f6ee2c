/** How many instances a rollout leaves and allows, as parts of those that are wanted, as Marathon's upgradeStrategy. */
export interface RolloutCapacity {
  minimumHealthCapacity: number;
  maximumOverCapacity: number;
}

/**
 * Replaces old instances by new ones.
 *
 * @param old  in the order in which they are to end
 * @param readyNew  how many new ones do what they should
 * @returns which old ones may end now, and how many instances there may be in all
 */
export function rollOut<T>(
  { minimumHealthCapacity, maximumOverCapacity }: RolloutCapacity,
  instances: number,
  old: readonly T[],
  isReady: (old: T) => boolean,
  readyNew: number,
): { ends: T[]; limit: number } {
  const least = Math.ceil(instances * minimumHealthCapacity);
  const most = instances + Math.floor(instances * maximumOverCapacity);
  let spare = readyNew + old.filter(isReady).length - least;
  const ends = old.filter((each) => !isReady(each) || spare-- > 0);
  // With neither one less nor one more nothing could ever be replaced: then it is one more.
  return { ends, limit: most === instances && least === instances ? most + 1 : most };
}
