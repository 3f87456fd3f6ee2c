import type { Resources } from "../resources/resources.js";
import { type Allocation, Allocator } from "./allocator.js";
import type { Agent, Framework, Offer } from "./entities.js";
import { events } from "./events.js";
import { satisfiesConstraints } from "./offerConstraints.js";
import type { MasterRecords } from "./records.js";

/** The offers that are open: made of what the allocator gives out, until they are used or taken back. */
export class Offers {
  readonly allocator: Allocator;
  readonly #records: MasterRecords;
  readonly #open = new Map<string, Offer>();

  /** @param onAllocated called after each allocation with the agents that it was about */
  constructor(records: MasterRecords, onAllocated: (agentIds: readonly string[]) => void) {
    this.#records = records;
    this.allocator = new Allocator({
      clock: records.clock,
      intervalMs: records.flags.duration("allocation_interval"),
      minAllocatable: records.flags.text("min_allocatable_resources"),
      onAllocation: (frameworkId, allocation) => this.#offer(frameworkId, allocation),
      onAllocated,
      isEligible: (frameworkId, role, agentId) => this.#isEligible(frameworkId, role, agentId),
    });
  }

  get size(): number {
    return this.#open.size;
  }

  get(id: string): Offer | undefined {
    return this.#open.get(id);
  }

  /** The oldest first. */
  all(): Offer[] {
    return [...this.#open.values()];
  }

  /** Takes an offer back, telling the framework if `rescind`. Its resources stay allocated. */
  remove(offer: Offer, rescind = false): void {
    offer.cancelTimeout();
    this.#open.delete(offer.id);
    offer.framework.offers.delete(offer);
    offer.agent.offers.delete(offer);
    if (rescind) offer.framework.send(events.rescind(offer.id));
  }

  /** Takes an offer back and frees its resources. */
  discard(offer: Offer, options: { rescind?: boolean; filter?: { refuseSeconds?: number | undefined } } = {}): void {
    this.remove(offer, options.rescind);
    this.allocator.recover(offer.framework.id, offer.agent.id, offer.resources, options.filter);
  }

  /** No more offers are made. */
  close(): void {
    this.allocator.close();
    for (const offer of this.#open.values()) offer.cancelTimeout();
  }

  #isEligible(frameworkId: string, role: string, agentId: string): boolean {
    const framework = this.#records.frameworks.get(frameworkId);
    const agent = this.#records.agents.get(agentId);
    if (!framework?.connected || !agent?.connected) return false;
    return satisfiesConstraints(framework.offerConstraints?.roleConstraints[role], agent.info);
  }

  /** Turns free resources into offers and sends them. */
  #offer(frameworkId: string, allocation: Allocation): void {
    const framework = this.#records.frameworks.get(frameworkId);
    const made: Offer[] = [];
    for (const [role, byAgent] of allocation) {
      for (const [agentId, resources] of byAgent) {
        const agent = this.#records.agents.get(agentId);
        if (!framework?.connected || !agent?.active) this.allocator.recover(frameworkId, agentId, resources);
        else made.push(this.#make(framework, agent, role, resources));
      }
    }
    if (framework && made.length > 0) framework.send(events.offers(framework, made));
  }

  #make(framework: Framework, agent: Agent, role: string, resources: Resources): Offer {
    const id = this.#records.newOfferId();
    const offer: Offer = { id, framework, agent, role, resources, cancelTimeout: () => {} };
    this.#open.set(id, offer);
    framework.offers.add(offer);
    agent.offers.add(offer);
    offer.cancelTimeout = this.#records.onOfferTimeout(() => this.discard(offer, { rescind: true }));
    return offer;
  }
}
