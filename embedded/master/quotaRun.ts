import { addTo, isUnreserved, less, type Quantities, shrink } from "../resources/quantities.js";
import type { Resources } from "../resources/resources.js";

/** What a role is promised, and what it can have at most. A resource that has no limit here is not limited. */
export interface AllocatorQuota {
  readonly guarantees: Quantities;
  readonly limits: Quantities;
}

/** How much of what is offerable a role gets in one allocation, in Mesos's two stages. */
export class QuotaRun {
  readonly #quotas: ReadonlyMap<string, AllocatorQuota>;
  readonly #consumed: ReadonlyMap<string, Map<string, number>>;
  /** Unreserved resources that are free, and how much of them has to stay so for guarantees that are not met yet. */
  readonly #available: Map<string, number>;
  readonly #required = new Map<string, number>();

  constructor(
    quotas: ReadonlyMap<string, AllocatorQuota>,
    consumed: ReadonlyMap<string, Map<string, number>>,
    available: Map<string, number>,
  ) {
    this.#quotas = quotas;
    this.#consumed = consumed;
    this.#available = available;
    for (const role of quotas.keys()) addTo(this.#required, this.#unmet(role));
  }

  get hasUnmetGuarantees(): boolean {
    return [...this.#required.values()].some((milli) => milli > 0);
  }

  isGuaranteed(role: string): boolean {
    return (this.#quotas.get(role)?.guarantees.size ?? 0) > 0;
  }

  /**
   * First stage: what brings a role nearer to its guarantee, and then all else of the same agent that its limit and the
   * guarantees of others leave. Undefined if nothing brings it nearer.
   */
  firstShare(role: string, offerable: Resources): Resources | undefined {
    const unmet = this.#unmet(role);
    if (unmet.size === 0) return undefined;
    const unreserved = offerable.filter(isUnreserved);
    const reserved = offerable.filter((resource) => !isUnreserved(resource) && !resource.revocable);
    const scalars = unreserved.filter(({ scalar }) => scalar !== undefined);
    const towards = shrink(scalars, (name) => unmet.get(name) ?? 0);
    if (towards.isEmpty && reserved.isEmpty) return undefined;
    const met = towards.quantities();
    const rest = shrink(unreserved.minus(towards), (name) => this.#room(role, name, met.get(name) ?? 0));
    return reserved.plus(towards).plus(rest);
  }

  /** Second stage: what the limit of the role and the guarantees of all leave. */
  secondShare(role: string, offerable: Resources): Resources {
    const unreserved = offerable.filter(isUnreserved);
    const rest = shrink(unreserved, (name) => this.#room(role, name, 0));
    return rest === unreserved ? offerable : offerable.filter((resource) => !isUnreserved(resource)).plus(rest);
  }

  /** Notes what a role got. */
  granted(role: string, resources: Resources, stage: "first" | "second"): void {
    const unreserved = resources.quantities(isUnreserved);
    addTo(this.#available, unreserved, -1);
    if (stage === "first") {
      const unmet = this.#unmet(role);
      const towards = [...unreserved].map(([name, milli]): [string, number] => [
        name,
        Math.min(milli, unmet.get(name) ?? 0),
      ]);
      addTo(this.#required, new Map(towards), -1);
    }
    const consumed = this.#consumed.get(role);
    if (consumed) addTo(consumed, unreserved);
  }

  #unmet(role: string): Quantities {
    const guarantees = this.#quotas.get(role)?.guarantees;
    return guarantees ? less(guarantees, this.#consumed.get(role) ?? new Map()) : new Map();
  }

  /** How much more of a scalar the role may have, beside what it gets towards its guarantee now. */
  #room(role: string, name: string, towards: number): number {
    const limit = this.#quotas.get(role)?.limits.get(name);
    const headroom = (this.#available.get(name) ?? 0) - (this.#required.get(name) ?? 0);
    if (limit === undefined) return headroom;
    return Math.min(headroom, limit - (this.#consumed.get(role)?.get(name) ?? 0) - towards);
  }
}
