import type { Offer, Resource } from "../../../gen/mesos/v1/mesos.js";
import { type Amounts, ResourcePool, sum } from "../library/resources.js";

/** What one offer is used for. */
export interface Packed {
  offer: Offer;
  /** The new executor's resources; undefined when the agent has one already. */
  executor: Resource[] | undefined;
  /** Resources of each task. */
  tasks: Resource[][];
}

export interface Needs {
  task: Amounts;
  executor: Amounts;
}

/**
 * Spreads up to `count` tasks over the offers, one to each in turn, so that all agents work.
 * An offer's first task takes an executor along where the agent has none.
 *
 * @param hasExecutor  whether there is an executor that the offer's tasks can use
 * @returns one entry an offer, in their order; without tasks where none fit or none are left
 */
export function pack(
  offers: readonly Offer[],
  count: number,
  needs: Needs,
  hasExecutor: (offer: Offer) => boolean,
): Packed[] {
  const bins = offers.map((offer) => new Bin(offer, needs, hasExecutor(offer)));
  let left = count;
  let open = bins;
  while (left > 0 && open.length > 0) {
    open = open.filter((bin) => {
      if (left === 0 || !bin.addTask()) return false;
      left--;
      return true;
    });
  }
  return bins.map(({ packed }) => packed);
}

class Bin {
  readonly packed: Packed;
  readonly #pool: ResourcePool;
  readonly #needs: Needs;
  #hasExecutor: boolean;

  constructor(offer: Offer, needs: Needs, hasExecutor: boolean) {
    this.packed = { offer, executor: undefined, tasks: [] };
    this.#pool = new ResourcePool(offer.resources);
    this.#needs = needs;
    this.#hasExecutor = hasExecutor;
  }

  /** False when it does not fit. */
  addTask(): boolean {
    const { task, executor } = this.#needs;
    if (!this.#hasExecutor) {
      // Both or none: an executor without a task would be for nothing.
      if (!this.#pool.has(sum(task, executor))) return false;
      this.packed.executor = this.#pool.take(executor);
      this.#hasExecutor = true;
    }
    const resources = this.#pool.take(task);
    if (resources === undefined) return false;
    this.packed.tasks.push(resources);
    return true;
  }
}
