import type { Resources } from "../resources/resources.js";
import { getOrCreate } from "./filters.js";

type Tally = Map<string, number>;
interface Seeker {
  readonly frameworkId: string;
  readonly role: string;
}

/** What roles, and frameworks in them, hold: the one with the smallest dominant share is served first. */
export class Shares {
  readonly #roles = new Map<string, Tally>();
  readonly #frameworks = new Map<string, Map<string, Tally>>();
  /** How often each was given something; it breaks ties, so that equals take turns. */
  readonly #turns = new Map<string, number>();

  add(frameworkId: string, resources: Resources): void {
    this.#change(frameworkId, resources, 1);
  }

  subtract(frameworkId: string, resources: Resources): void {
    this.#change(frameworkId, resources, -1);
  }

  forget(frameworkId: string): void {
    this.#frameworks.delete(frameworkId);
    for (const key of this.#turns.keys()) if (key.startsWith(`${frameworkId}\n`)) this.#turns.delete(key);
  }

  /** Those who want resources, the one that has least first. `total` is what the cluster has, in thousandths. */
  order(seekers: readonly Seeker[], total: Readonly<Record<string, number>>): Seeker[] {
    const ranked = seekers.map((seeker) => ({
      seeker,
      roleShare: dominantShare(this.#roles.get(seeker.role), total),
      share: dominantShare(this.#frameworks.get(seeker.frameworkId)?.get(seeker.role), total),
      turns: this.#turns.get(`${seeker.frameworkId}\n${seeker.role}`) ?? 0,
    }));
    ranked.sort(
      (a, b) =>
        a.roleShare - b.roleShare ||
        (a.seeker.role < b.seeker.role ? -1 : a.seeker.role > b.seeker.role ? 1 : 0) ||
        a.share - b.share ||
        a.turns - b.turns,
    );
    return ranked.map(({ seeker }) => seeker);
  }

  #change(frameworkId: string, resources: Resources, sign: 1 | -1): void {
    const role = resources.list()[0]?.allocationInfo?.role ?? "*";
    const byRole = getOrCreate(this.#frameworks, frameworkId, () => new Map<string, Tally>());
    const tallies = [getOrCreate(this.#roles, role, () => new Map()), getOrCreate(byRole, role, () => new Map())];
    for (const name of resources.scalarNames()) {
      for (const tally of tallies) tally.set(name, (tally.get(name) ?? 0) + sign * resources.milli(name));
    }
    const key = `${frameworkId}\n${role}`;
    if (sign === 1) this.#turns.set(key, (this.#turns.get(key) ?? 0) + 1);
  }
}

function dominantShare(tally: Tally | undefined, total: Readonly<Record<string, number>>): number {
  let share = 0;
  for (const [name, milli] of tally ?? []) share = Math.max(share, milli / (total[name] || Number.POSITIVE_INFINITY));
  return share;
}
