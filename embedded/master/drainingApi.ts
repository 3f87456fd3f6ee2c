import type { Duration } from "../../gen/google/protobuf/duration.js";
import { type Call, type Call_DrainAgent, Call_Type } from "../../gen/mesos/v1/master/master.js";
import type { DrainConfig } from "../../gen/mesos/v1/mesos.js";
import { type Answer, textAnswer } from "../http/answer.js";
import { deactivateAgent, drainAgent, reactivateAgent } from "./draining.js";
import type { MasterState } from "./state.js";
import { refuseReactivation } from "./withdrawal.js";

const OK: Answer = { status: 200 };
const UNKNOWN = textAnswer(400, "Unknown agent");

/** The calls that take agents out of service and put them back; undefined for any other. */
export function drainingCall(state: MasterState, call: Call): Answer | undefined {
  switch (call.type) {
    case Call_Type.DRAIN_AGENT:
      return drain(state, call.drainAgent);
    case Call_Type.DEACTIVATE_AGENT:
      return deactivate(state, call.deactivateAgent?.agentId?.value ?? "");
    case Call_Type.REACTIVATE_AGENT:
      return reactivate(state, call.reactivateAgent?.agentId?.value ?? "");
    default:
      return undefined;
  }
}

function drain(state: MasterState, call: Call_DrainAgent | undefined): Answer {
  const agentId = call?.agentId?.value ?? "";
  const agent = state.agents.get(agentId);
  const scheduled = agent && state.maintenance.scheduledAs(agent);
  if (scheduled !== undefined) {
    return textAnswer(400, `Agent ${agentId} is part of a maintenance schedule under Machine ${scheduled}`);
  }
  if (!isKnown(state, agentId)) return UNKNOWN;
  drainAgent(state, agentId, configOf(call));
  return OK;
}

function deactivate(state: MasterState, agentId: string): Answer {
  if (!isKnown(state, agentId)) return UNKNOWN;
  deactivateAgent(state, agentId);
  return OK;
}

function reactivate(state: MasterState, agentId: string): Answer {
  const refusal = refuseReactivation(state.withdrawals.get(agentId));
  if (refusal !== undefined) return textAnswer(400, refusal);
  return reactivateAgent(state, agentId) ? OK : textAnswer(409, "Agent removed while processing the call");
}

function isKnown({ agents, recoveredAgents, registry }: MasterState, agentId: string): boolean {
  return agents.has(agentId) || recoveredAgents.has(agentId) || registry.unreachable.has(agentId);
}

function configOf(call: Call_DrainAgent | undefined): DrainConfig {
  const grace = call?.maxGracePeriod;
  return {
    markGone: call?.markGone ?? false,
    ...(grace && { maxGracePeriod: { nanoseconds: nanosecondsOf(grace) } }),
  };
}

/** Mesos takes any number, below zero too, and counts in 64 bits. */
function nanosecondsOf({ seconds, nanos }: Duration): bigint {
  return BigInt.asIntN(64, BigInt(seconds ?? 0) * 1_000_000_000n + BigInt(nanos ?? 0));
}
