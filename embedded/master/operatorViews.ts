import type {
  Response_GetAgents,
  Response_GetAgents_Agent,
  Response_GetExecutors,
  Response_GetFrameworks,
  Response_GetFrameworks_Framework,
  Response_GetOperations,
  Response_GetTasks,
} from "../../gen/mesos/v1/master/master.js";
import { AgentInfo_Capability_Type } from "../../gen/mesos/v1/mesos.js";
import { operatorResources, sum } from "../resources/modelJson.js";
import { AGENT_CAPABILITIES, VERSION } from "../version.js";
import type { Agent, Framework } from "./entities.js";
import { inverseOfferMessage, offerMessage } from "./events.js";
import type { MasterState } from "./state.js";
import { offered, usedBy } from "./stateJson.js";
import { drainInfoOf } from "./withdrawal.js";

/** A master's state as the operator API shows it. */

export function describeAgents(state: MasterState): Response_GetAgents {
  return {
    agents: [...state.agents.values()].map((agent) => ({
      agentInfo: agent.info,
      active: agent.active,
      deactivated: state.withdrawals.has(agent.id),
      version: VERSION.version,
      pid: agent.pid,
      registeredTime: time(agent.registeredTime),
      reregisteredTime: agent.reregisteredTime > 0 ? time(agent.reregisteredTime) : undefined,
      totalResources: operatorResources(agent.total),
      allocatedResources: operatorResources(sum(agent.used().values())),
      offeredResources: operatorResources(offered(agent.offers)),
      capabilities: AGENT_CAPABILITIES.map((name) => ({ type: AgentInfo_Capability_Type[name] })),
      resourceProviders: [],
      ...drainFields(state, agent),
    })),
    recoveredAgents: [...state.recoveredAgents.values()],
  };
}

function drainFields(state: MasterState, agent: Agent): Partial<Response_GetAgents_Agent> {
  const drainInfo = drainInfoOf(state.withdrawals.get(agent.id));
  if (!drainInfo) return {};
  if (agent.drainStartTime === undefined) return { drainInfo };
  const nanoseconds = BigInt(Math.floor(agent.drainStartTime / 1000)) * 1_000_000_000n;
  return { drainInfo, estimatedDrainStartTime: { nanoseconds } };
}

export function describeFrameworks(state: MasterState): Response_GetFrameworks {
  return {
    frameworks: [...state.frameworks.values()].map((framework) => describeFramework(state, framework)),
    completedFrameworks: [...state.completedFrameworks.values()].map((one) => describeFramework(state, one)),
    recoveredFrameworks: [],
  };
}

function describeFramework(state: MasterState, framework: Framework): Response_GetFrameworks_Framework {
  return {
    frameworkInfo: framework.info,
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
    registeredTime: time(framework.registeredTime),
    reregisteredTime: time(framework.reregisteredTime),
    unregisteredTime: framework.unregisteredTime > 0 ? time(framework.unregisteredTime) : undefined,
    // As the master holds them, whatever the framework reads.
    offers: [...framework.offers].map((offer) => ({
      ...offerMessage(framework, offer),
      allocationInfo: { role: offer.role },
      resources: offer.resources.list(),
    })),
    inverseOffers: [...framework.inverseOffers].map((offer) => inverseOfferMessage(framework, offer)),
    allocatedResources: operatorResources(usedBy(state, framework)),
    offeredResources: operatorResources(offered(framework.offers)),
    offerConstraints: framework.offerConstraints ?? { roleConstraints: {} },
  };
}

export function describeTasks(state: MasterState): Response_GetTasks {
  const live = [...state.frameworks.values()];
  const all = [...live, ...state.completedFrameworks.values()];
  return {
    pendingTasks: [],
    tasks: live.flatMap((framework) => [...framework.tasks.values()].map(({ info }) => info)),
    unreachableTasks: live.flatMap((framework) => [...framework.unreachableTasks.values()].map(({ info }) => info)),
    completedTasks: all.flatMap((framework) => framework.completedTasks.map(({ info }) => info)),
    orphanTasks: [],
  };
}

export function describeExecutors(state: MasterState): Response_GetExecutors {
  const executors = [...state.agents.values()].flatMap((agent) =>
    [...agent.executors.values()].flatMap((byId) =>
      [...byId.values()].map((executorInfo) => ({ executorInfo, agentId: { value: agent.id } })),
    ),
  );
  return { executors, orphanExecutors: [] };
}

export function describeOperations(state: MasterState): Response_GetOperations {
  return {
    operations: [...state.agents.values()].flatMap((agent) => [...agent.operations.values()].map(({ info }) => info)),
  };
}

function time(ms: number): { nanoseconds: bigint } {
  return { nanoseconds: BigInt(Math.round(ms * 1000)) * 1000n };
}
