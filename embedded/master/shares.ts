import type { Resources } from "../resources/resources.js";
import { getOrCreate } from "./filters.js";
import { lineage } from "./roleNames.js";

interface Tally {
  readonly scalars: Map<string, number>;
  /** How often it was given something; it breaks ties, so that equals take turns. */
  turns: number;
}
export interface Seeker {
  readonly frameworkId: string;
  readonly role: string;
}
type Totals = Readonly<Record<string, number>>;

/** A role, or what stands above some, in the order in which they are served. */
interface Rank {
  readonly path: string;
  readonly share: number;
  readonly turns: number;
}

/**
 * What roles, and frameworks in them, hold: the one with the smallest dominant share is served first. The share of a role
 * includes those of the roles below it, and is divided by its weight.
 */
export class Shares {
  /** By role, with all that are below it. */
  readonly #trees = new Map<string, Tally>();
  /** By role, for itself alone. */
  readonly #roles = new Map<string, Tally>();
  readonly #frameworks = new Map<string, Map<string, Tally>>();
  readonly #weights = new Map<string, number>();

  setWeight(role: string, weight: number): void {
    this.#weights.set(role, weight);
  }

  /** Notes what a framework holds in a role, or with -1 what it no longer does. */
  change(frameworkId: string, role: string, resources: Resources, sign: 1 | -1): void {
    const byRole = getOrCreate(this.#frameworks, frameworkId, () => new Map<string, Tally>());
    const tallies = [getOrCreate(this.#roles, role, emptyTally), getOrCreate(byRole, role, emptyTally)];
    for (const path of lineage(role)) tallies.push(getOrCreate(this.#trees, path, emptyTally));
    const quantities = resources.quantities();
    for (const tally of tallies) {
      for (const [name, milli] of quantities) tally.scalars.set(name, (tally.scalars.get(name) ?? 0) + sign * milli);
      if (sign === 1) tally.turns++;
    }
  }

  forget(frameworkId: string): void {
    this.#frameworks.delete(frameworkId);
  }

  /** What is allocated or offered to the role itself, in thousandths. */
  held(role: string, name: string): number {
    return this.#roles.get(role)?.scalars.get(name) ?? 0;
  }

  /** The role's share of what the cluster has, by its weight. */
  dominantShare(role: string, total: Totals): number {
    return dominantShare(this.#trees.get(role), total) / this.#weight(role);
  }

  /** Those who want resources, the one that has least first. `total` is what the cluster has, in thousandths. */
  order(seekers: readonly Seeker[], total: Totals): Seeker[] {
    const byRole = new Map<string, Array<{ seeker: Seeker; share: number; turns: number }>>();
    for (const seeker of seekers) {
      const tally = this.#frameworks.get(seeker.frameworkId)?.get(seeker.role);
      const ranked = { seeker, share: dominantShare(tally, total), turns: tally?.turns ?? 0 };
      getOrCreate(byRole, seeker.role, () => []).push(ranked);
    }
    return this.#orderRoles([...byRole.keys()], total).flatMap((role) =>
      (byRole.get(role) ?? []).sort((a, b) => a.share - b.share || a.turns - b.turns).map(({ seeker }) => seeker),
    );
  }

  #orderRoles(roles: readonly string[], total: Totals): string[] {
    const ranks = new Map<string, Rank>();
    const rank = (path: string) =>
      getOrCreate(ranks, path, () => this.#rank(path, this.#trees.get(path), this.#weight(path), total));
    const lines = roles.map((role) => ({ role, line: lineage(role).map(rank) }));
    // A role that has others below it stands beside them for itself, and there without its weight.
    const itself = (role: string) =>
      getOrCreate(ranks, `${role}/.`, () => this.#rank(`${role}/.`, this.#roles.get(role), 1, total));
    lines.sort((a, b) => {
      let depth = 0;
      while (a.line[depth] !== undefined && a.line[depth] === b.line[depth]) depth++;
      return compareRanks(a.line[depth] ?? itself(a.role), b.line[depth] ?? itself(b.role));
    });
    return lines.map(({ role }) => role);
  }

  #rank(path: string, tally: Tally | undefined, weight: number, total: Totals): Rank {
    return { path, share: dominantShare(tally, total) / weight, turns: tally?.turns ?? 0 };
  }

  #weight(role: string): number {
    return this.#weights.get(role) ?? 1;
  }
}

function emptyTally(): Tally {
  return { scalars: new Map(), turns: 0 };
}

function compareRanks(a: Rank, b: Rank): number {
  return a.share - b.share || a.turns - b.turns || (a.path < b.path ? -1 : a.path > b.path ? 1 : 0);
}

function dominantShare(tally: Tally | undefined, total: Totals): number {
  let share = 0;
  for (const [name, milli] of tally?.scalars ?? []) {
    share = Math.max(share, milli / (total[name] || Number.POSITIVE_INFINITY));
  }
  return share;
}
