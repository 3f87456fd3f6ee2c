import { type DrainConfig, type DrainInfo, DrainState } from "../../gen/mesos/v1/mesos.js";

/** What an operator has decided about an agent that is to get no offers. There is none for an agent in service. */
export type Withdrawal =
  | { readonly phase: "deactivated" }
  /** Its tasks are killed; it has some yet, or operations that nobody acknowledged. */
  | { readonly phase: "draining"; readonly config: DrainConfig }
  | { readonly phase: "drained"; readonly config: DrainConfig };

export type WithdrawalEvent =
  | { readonly type: "drain"; readonly config: DrainConfig }
  | { readonly type: "deactivate" }
  /** Nothing is left on the agent. */
  | { readonly type: "emptied" }
  | { readonly type: "reactivate" };

/** An agent that is to be marked gone when it is empty stays "draining": its end is all that follows. */
export function afterEvent(current: Withdrawal | undefined, event: WithdrawalEvent): Withdrawal | undefined {
  switch (event.type) {
    case "drain":
      return { phase: "draining", config: event.config };
    case "deactivate":
      return current ?? { phase: "deactivated" };
    case "emptied":
      if (current?.phase !== "draining" || current.config.markGone) return current;
      return { phase: "drained", config: current.config };
    case "reactivate":
      return undefined;
  }
}

/** Why an agent can't be put back in service. */
export function refuseReactivation(current: Withdrawal | undefined): string | undefined {
  if (!current) return "Agent is not deactivated";
  return current.phase === "draining" ? "Agent is still in the DRAINING state" : undefined;
}

/** As it is shown to operators; undefined for an agent that does not drain. */
export function drainInfoOf(withdrawal: Withdrawal | undefined): DrainInfo | undefined {
  if (!withdrawal || withdrawal.phase === "deactivated") return undefined;
  const state = withdrawal.phase === "draining" ? DrainState.DRAINING : DrainState.DRAINED;
  return { state, config: withdrawal.config };
}
