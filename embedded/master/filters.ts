import type { Clock } from "../clock.js";
import type { Resources } from "../resources/resources.js";

interface Filter {
  readonly refused: Resources;
  readonly cancel: () => void;
}

/** What frameworks refused, by role and agent: an offer that lies within refused resources is not made. */
export class Filters {
  readonly #clock: Clock;
  /** By framework, then by role and agent. */
  readonly #filters = new Map<string, Map<string, Set<Filter>>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(frameworkId: string, role: string, agentId: string, refused: Resources, durationMs: number): void {
    const perFramework = getOrCreate(this.#filters, frameworkId, () => new Map<string, Set<Filter>>());
    const filters = getOrCreate(perFramework, slot(role, agentId), () => new Set<Filter>());
    const filter: Filter = { refused, cancel: this.#clock.setTimeout(() => filters.delete(filter), durationMs) };
    filters.add(filter);
  }

  refuses(frameworkId: string, role: string, agentId: string, offered: Resources): boolean {
    const filters = this.#filters.get(frameworkId)?.get(slot(role, agentId));
    if (!filters) return false;
    return [...filters].some((filter) => filter.refused.contains(offered));
  }

  /** Forgets the filters of a framework; of one role when it is given. */
  clear(frameworkId: string, role?: string): void {
    const perFramework = this.#filters.get(frameworkId);
    for (const [key, filters] of perFramework ?? []) {
      if (role !== undefined && !key.startsWith(`${role}\n`)) continue;
      for (const filter of filters) filter.cancel();
      perFramework?.delete(key);
    }
    if (perFramework?.size === 0) this.#filters.delete(frameworkId);
  }

  clearAll(): void {
    for (const frameworkId of [...this.#filters.keys()]) this.clear(frameworkId);
  }
}

function slot(role: string, agentId: string): string {
  return `${role}\n${agentId}`;
}

export function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const created = create();
  map.set(key, created);
  return created;
}
