import type { Resources } from "../resources/resources.js";
import type { QuotaRun } from "./quotaRun.js";
import type { Seeker } from "./shares.js";

export interface RunAgent {
  readonly total: Resources;
  /** Offered and used, as seen by the agent: without allocation info. */
  readonly allocated: Resources;
  readonly active: boolean;
}

export interface AllocationRun {
  /** Undefined if no role has a quota. */
  readonly quotas: QuotaRun | undefined;
  agent(agentId: string): RunAgent | undefined;
  /** Those who want resources as things stand now, the one that is served next first. */
  order(): readonly Seeker[];
  /** What of these resources the framework may be offered at all in this role; undefined if nothing. */
  offerable(seeker: Seeker, agentId: string, free: Resources): Resources | undefined;
  /** Whether it is worth an offer, and the framework did not refuse it. */
  isWanted(seeker: Seeker, agentId: string, resources: Resources): boolean;
  grant(seeker: Seeker, agentId: string, resources: Resources): void;
}

/** Gives away what is free on the agents: first towards guarantees, then to all by their shares. */
export function runAllocation(run: AllocationRun, agentIds: readonly string[]): void {
  const { quotas } = run;
  if (quotas?.hasUnmetGuarantees) {
    for (const agentId of agentIds) {
      allocateAgent(run, agentId, ({ role }, offerable) => {
        const share = quotas.isGuaranteed(role) ? quotas.firstShare(role, offerable) : undefined;
        return share && { share, note: () => quotas.granted(role, share, "first") };
      });
    }
  }
  for (const agentId of agentIds) {
    allocateAgent(run, agentId, ({ role }, offerable) => {
      if (!quotas) return { share: offerable, note: () => {} };
      const share = quotas.secondShare(role, offerable);
      return share.isEmpty ? undefined : { share, note: () => quotas.granted(role, share, "second") };
    });
  }
}

type Choose = (seeker: Seeker, offerable: Resources) => { share: Resources; note: () => void } | undefined;

function allocateAgent(run: AllocationRun, agentId: string, choose: Choose): void {
  const agent = run.agent(agentId);
  if (!agent?.active) return;
  let free = agent.total.minus(agent.allocated);
  if (free.isEmpty) return;
  for (const seeker of run.order()) {
    const offerable = run.offerable(seeker, agentId, free);
    const chosen = offerable && choose(seeker, offerable);
    if (!chosen || !run.isWanted(seeker, agentId, chosen.share)) continue;
    free = free.minus(chosen.share);
    run.grant(seeker, agentId, chosen.share);
    chosen.note();
    if (free.isEmpty) return;
  }
}
