import { randomUUID } from "node:crypto";

/** Where a program gets its chance from: the system, or a seed in a simulation. */
export interface Randomness {
  /** From 0 to below 1. */
  fraction(): number;
  /** A random UUID, as text. */
  uuid(): string;
}

/** The chance of this machine. */
export const systemRandomness: Randomness = {
  fraction: () => Math.random(),
  uuid: () => randomUUID(),
};
