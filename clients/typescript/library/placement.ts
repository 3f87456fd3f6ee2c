import { z } from "zod";
import type { Offer, Resource } from "../../../gen/mesos/v1/mesos.js";
import { type Amounts, ResourcePool } from "./resources.js";

/** What constraints ask an agent for: its `hostname`, and its attributes as text. */
export type Agent = ReadonlyMap<string, string>;

/** The agent of an offer. */
export function agentOf({ hostname, attributes }: Offer): Agent {
  const values = attributes.map(({ name = "", text, scalar, set, ranges }): [string, string] => {
    const ranged = ranges?.range.map(({ begin, end }) => `${begin}-${end}`).join(",");
    return [name, text?.value ?? scalar?.value?.toString() ?? set?.item.join(",") ?? ranged ?? ""];
  });
  return new Map([...values, ["hostname", hostname ?? ""]]);
}

const text = z.string().min(1);

/** `[field, operator, value]`, as Marathon's; the value may be left out. */
export const constraintSchema = z
  .tuple([text, z.enum(["UNIQUE", "CLUSTER", "GROUP_BY"]), text.optional()])
  .refine(([, name, n = "1"]) => name !== "GROUP_BY" || /^[1-9]\d{0,5}$/.test(n), "GROUP_BY takes a number");
export type Constraint = z.infer<typeof constraintSchema>;

/** Room for a task. */
export interface Seat {
  offer: Offer;
  /** Those of the offer that the task gets. */
  resources: Resource[];
}

/** The room that offers have for tasks. Tasks of one kind are spread over the agents. */
export class Seats {
  readonly #agents: ReadonlyMap<string, Agent>;
  readonly #seats: { offer: Offer; pool: ResourcePool; agent: Agent }[];
  /** How many tasks agents have, by kind and agent id. */
  readonly #counts = new Map<string, Map<string, number>>();

  /** @param agents  those that are known, by id: where tasks are */
  constructor(offers: readonly Offer[], agents: ReadonlyMap<string, Agent>) {
    this.#agents = agents;
    this.#seats = offers.map((offer) => ({ offer, pool: new ResourcePool(offer.resources), agent: agentOf(offer) }));
  }

  /** Notes a task that is there. */
  occupy(kind: string, agentId: string): void {
    const here = this.#counts.get(kind) ?? new Map<string, number>();
    this.#counts.set(kind, here.set(agentId, (here.get(agentId) ?? 0) + 1));
  }

  /**
   * Takes room for one more task, on the agent that has fewest of its kind.
   *
   * @returns the room; else the first constraint that no agent with room meets, by its index, or undefined without room
   */
  take(kind: string, needs: Amounts, constraints: readonly Constraint[]): Seat | { unmet: number | undefined } {
    const here: ReadonlyMap<string, number> = this.#counts.get(kind) ?? new Map();
    let fits = this.#seats.filter(({ pool }) => pool.has(needs));
    let unmet: number | undefined;
    for (const [i, constraint] of constraints.entries()) {
      if (fits.length === 0) break;
      unmet = i;
      const offering = fits.map(({ agent }) => agent);
      const allowed = allowedBy(constraint, here, this.#agents, offering);
      fits = fits.filter(({ agent }) => allowed(agent));
    }
    const count = ({ offer }: { offer: Offer }) => here.get(offer.agentId?.value ?? "") ?? 0;
    const [best] = fits.sort((a, b) => count(a) - count(b));
    const resources = best?.pool.take(needs);
    if (best === undefined || resources === undefined) return { unmet };
    this.occupy(kind, best.offer.agentId?.value ?? "");
    return { offer: best.offer, resources };
  }
}

/**
 * Which agents may have one more task. `UNIQUE`: no two on agents of one value; `CLUSTER`: all on agents of the value, or
 * of that of the first; `GROUP_BY`: as many on each value, and at least on so many values. An agent without the field
 * meets none of them.
 *
 * @param offering  the agents that have room
 */
function allowedBy(
  [field, operator, wish]: Constraint,
  here: ReadonlyMap<string, number>,
  known: ReadonlyMap<string, Agent>,
  offering: readonly Agent[],
): (agent: Agent) => boolean {
  const counts = new Map<string, number>();
  for (const [agentId, count] of here) {
    const value = known.get(agentId)?.get(field);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + count);
  }
  const [first] = counts.keys();
  const groups = new Set([...counts.keys(), ...offering.flatMap((agent) => agent.get(field) ?? [])]);
  let fewest = Number.POSITIVE_INFINITY;
  for (const group of groups) fewest = Math.min(fewest, counts.get(group) ?? 0);
  return (agent) => {
    const value = agent.get(field);
    if (value === undefined) return false;
    if (operator === "UNIQUE") return !counts.has(value);
    if (operator === "CLUSTER") return value === (wish ?? first ?? value);
    return (counts.get(value) ?? 0) === fewest && (!counts.has(value) || groups.size >= Number(wish ?? 0));
  };
}
