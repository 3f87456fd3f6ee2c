import type {
  InverseOfferStatus_Status as Answer,
  InverseOfferStatus,
} from "../../gen/mesos/v1/allocator/allocator.js";
import type { Unavailability } from "../../gen/mesos/v1/mesos.js";
import type { Agent, Framework, InverseOffer } from "./entities.js";
import { events } from "./events.js";
import { getOrCreate } from "./filters.js";
import { refuseSeconds } from "./offerable.js";
import type { MasterRecords } from "./records.js";

/** Asks frameworks that have something on agents with planned maintenance to leave, and keeps what they answer. */
export class InverseOffers {
  readonly #records: MasterRecords;
  readonly #offers = new Map<string, InverseOffer>();
  /** The ends of filters, by agent, then by framework. */
  readonly #filters = new Map<string, Map<string, Set<() => void>>>();
  /** Of each framework the last answer, by agent. */
  readonly #answers = new Map<string, Map<string, InverseOfferStatus>>();

  constructor(records: MasterRecords) {
    this.#records = records;
  }

  /** Makes those that are due; called after each allocation with the agents that it was about. */
  generate(agentIds: Iterable<string>): void {
    const made = new Map<Framework, InverseOffer[]>();
    for (const agentId of agentIds) {
      const agent = this.#records.agents.get(agentId);
      if (!agent?.active || !agent.unavailability) continue;
      for (const framework of this.#concerned(agent)) {
        getOrCreate(made, framework, () => []).push(this.#make(framework, agent, agent.unavailability));
      }
    }
    for (const [framework, offers] of made) framework.send(events.inverseOffers(framework, offers));
  }

  /** ACCEPT_INVERSE_OFFERS or DECLINE_INVERSE_OFFERS. Ids that are gone are passed over. */
  answer(ids: readonly string[], status: Answer.ACCEPT | Answer.DECLINE, refuse: number | undefined): void {
    for (const id of ids) {
      const offer = this.#offers.get(id);
      if (!offer) continue;
      this.#remove(offer, false);
      const nanoseconds = BigInt(Math.round(this.#records.clock.now() * 1000)) * 1000n;
      const answer = { status, frameworkId: { value: offer.framework.id }, timestamp: { nanoseconds } };
      getOrCreate(this.#answers, offer.agent.id, () => new Map()).set(offer.framework.id, answer);
      this.#filter(offer, refuseSeconds(refuse));
    }
  }

  /** What frameworks answered for an agent since its maintenance was planned. */
  answers(agentId: string): InverseOfferStatus[] {
    return [...(this.#answers.get(agentId)?.values() ?? [])];
  }

  discardOf(holder: Framework | Agent, rescind: boolean): void {
    for (const offer of [...holder.inverseOffers]) this.#remove(offer, rescind);
  }

  /** Maintenance of the agent was planned anew: everybody is asked again. */
  restart(agent: Agent): void {
    this.discardOf(agent, true);
    this.#answers.delete(agent.id);
    this.#clear(agent.id);
  }

  /** The framework wants to be asked again. */
  clearFilters(frameworkId: string): void {
    for (const [agentId, byFramework] of this.#filters) {
      for (const cancel of byFramework.get(frameworkId) ?? []) cancel();
      byFramework.delete(frameworkId);
      if (byFramework.size === 0) this.#filters.delete(agentId);
    }
  }

  close(): void {
    for (const agentId of [...this.#filters.keys()]) this.#clear(agentId);
    for (const offer of this.#offers.values()) offer.cancelTimeout();
  }

  /** Connected frameworks with offers, tasks or executors there that are not asked already. */
  #concerned(agent: Agent): Framework[] {
    const ids = new Set([...agent.used().keys(), ...[...agent.offers].map(({ framework }) => framework.id)]);
    const asked = new Set([...agent.inverseOffers].map(({ framework }) => framework.id));
    return [...ids]
      .filter((id) => !asked.has(id) && !this.#filters.get(agent.id)?.get(id)?.size)
      .flatMap((id) => this.#records.frameworks.get(id) ?? [])
      .filter((framework) => framework.connected);
  }

  #make(framework: Framework, agent: Agent, unavailability: Unavailability): InverseOffer {
    const id = this.#records.newOfferId();
    const offer: InverseOffer = { id, framework, agent, unavailability, cancelTimeout: () => {} };
    this.#offers.set(id, offer);
    framework.inverseOffers.add(offer);
    agent.inverseOffers.add(offer);
    offer.cancelTimeout = this.#records.onOfferTimeout(() => this.#remove(offer, true));
    return offer;
  }

  #remove(offer: InverseOffer, rescind: boolean): void {
    offer.cancelTimeout();
    this.#offers.delete(offer.id);
    offer.framework.inverseOffers.delete(offer);
    offer.agent.inverseOffers.delete(offer);
    if (rescind) offer.framework.send(events.rescindInverseOffer(offer.id));
  }

  #filter({ agent, framework }: InverseOffer, seconds: number): void {
    if (seconds === 0) return;
    const byFramework = getOrCreate(this.#filters, agent.id, () => new Map<string, Set<() => void>>());
    const filters = getOrCreate(byFramework, framework.id, () => new Set<() => void>());
    const cancel = this.#records.clock.setTimeout(() => filters.delete(cancel), seconds * 1000);
    filters.add(cancel);
  }

  #clear(agentId: string): void {
    for (const filters of this.#filters.get(agentId)?.values() ?? []) for (const cancel of filters) cancel();
    this.#filters.delete(agentId);
  }
}
