import type { QuotaRequest } from "../../gen/mesos/v1/quota/quota.js";
import { addTo, contains, less, type Quantities } from "../resources/quantities.js";
import type { Offer } from "./entities.js";
import { getOrCreate } from "./filters.js";
import { milliOf, type Quota } from "./quota.js";
import { requestedQuota } from "./quotaValidation.js";
import { topLevel } from "./roleNames.js";
import { countsOf, NO_USAGE, roleUsages } from "./roleUsage.js";
import type { MasterState } from "./state.js";

/** Takes offers back that are beyond the new limits, and for each new guarantee such of other roles as it needs. */
export function rescindForQuotas(state: MasterState, quotas: ReadonlyMap<string, Quota>): void {
  const usages = roleUsages(state);
  const offers = offersByTopLevel(state);
  const heldBy = new Map<string, Map<string, number>>();
  for (const [role, { limits }] of quotas) {
    const { consumed, offered } = usages.get(role) ?? NO_USAGE;
    // Reservations that are offered count twice, as in Mesos.
    const held = new Map(consumed);
    addTo(held, offered);
    rescindBeyond(state, milliOf(limits), held, offers.get(role) ?? []);
    heldBy.set(role, held);
  }
  const open = new Set(openOffers(state));
  for (const [role, { guarantees }] of quotas) {
    const needed = less(milliOf(guarantees), heldBy.get(role) ?? new Map());
    for (const offer of rescindFor(state, needed, open, role)) {
      const held = heldBy.get(topLevel(offer.role));
      if (held) addTo(held, countsOf(offer.resources), -1);
    }
  }
}

/** As Mesos does for SET_QUOTA: whole agents, whoever has the offers, and as many as the role has frameworks. */
export function rescindForRequest(state: MasterState, role: string, request: QuotaRequest): void {
  const needed = milliOf(requestedQuota(request).guarantees);
  const frameworks = [...state.frameworks.values()].filter((framework) => framework.roles.includes(role)).length;
  const rescinded = new Map<string, number>();
  let visited = 0;
  for (const agent of state.agents.values()) {
    if (visited >= frameworks && contains(rescinded, needed)) return;
    if (!agent.connected || !agent.active || agent.offers.size === 0) continue;
    for (const offer of [...agent.offers]) rescind(state, offer, rescinded);
    visited++;
  }
}

/** Takes offers back until what is held is within the limits; `held` is what is left then. */
function rescindBeyond(state: MasterState, limits: Quantities, held: Map<string, number>, offers: Offer[]): void {
  for (const offer of offers) {
    if ([...limits].every(([name, limit]) => (held.get(name) ?? 0) <= limit)) return;
    addTo(held, countsOf(offer.resources), -1);
    state.offers.discard(offer, { rescind: true });
  }
}

function offersByTopLevel(state: MasterState): Map<string, Offer[]> {
  const offers = new Map<string, Offer[]>();
  for (const offer of state.offers.all()) {
    getOrCreate(offers, topLevel(offer.role), (): Offer[] => []).push(offer);
  }
  return offers;
}

/** Takes offers of other roles back until the role has what it needs. @returns those that were open, and no longer are */
function rescindFor(state: MasterState, needed: Quantities, open: Set<Offer>, role: string): Offer[] {
  const rescinded = new Map<string, number>();
  const offers: Offer[] = [];
  for (const offer of open) {
    if (contains(rescinded, needed)) break;
    if (topLevel(offer.role) === role) continue;
    rescind(state, offer, rescinded);
    open.delete(offer);
    offers.push(offer);
  }
  return offers;
}

function openOffers(state: MasterState): Offer[] {
  return [...state.agents.values()].flatMap((agent) => (agent.connected && agent.active ? [...agent.offers] : []));
}

function rescind(state: MasterState, offer: Offer, sum: Map<string, number>): void {
  addTo(sum, countsOf(offer.resources));
  state.offers.discard(offer, { rescind: true });
}
