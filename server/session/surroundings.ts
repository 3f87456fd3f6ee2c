import { type Clock, systemClock } from "../../wire/clock.js";
import { type Randomness, systemRandomness } from "../../wire/randomness.js";

/** What sessions know of the world apart from Mesos, clients and the store. */
export interface Surroundings {
  readonly clock: Clock;
  readonly randomness: Randomness;
}

/** This machine's, but for what is given. */
export function surroundings({
  clock = systemClock,
  randomness = systemRandomness,
}: Partial<Surroundings>): Surroundings {
  return { clock, randomness };
}
