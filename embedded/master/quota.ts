import type { Quantities } from "../resources/quantities.js";
import { toMilli } from "../resources/value.js";

/** What a role is promised, and what it can have at most: amounts by resource, as an operator wrote them. */
export interface Quota {
  readonly guarantees: ReadonlyMap<string, number>;
  readonly limits: ReadonlyMap<string, number>;
}

/** Guarantees below a thousandth are none; limits below it are kept, as limits of nothing. */
export function quotaOf(guarantees: Iterable<[string, number]>, limits: Iterable<[string, number]>): Quota {
  return {
    guarantees: new Map([...guarantees].filter(([, value]) => toMilli(value) !== 0)),
    limits: new Map(limits),
  };
}

export function milliOf(amounts: ReadonlyMap<string, number>): Quantities {
  return new Map([...amounts].map(([name, value]) => [name, toMilli(value)]));
}
