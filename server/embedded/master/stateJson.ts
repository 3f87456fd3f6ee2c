import { FrameworkInfo_Capability_Type as Capability } from "../../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import { modelAttributes, modelLabels, modelTask } from "../modelJson.js";
import { modelReserved, modelResources, sum, unreserved } from "../resources/modelJson.js";
import { Resources } from "../resources/resources.js";
import { AGENT_CAPABILITIES, VERSION } from "../version.js";
import type { Agent, Framework, Offer } from "./entities.js";
import { hasCapability } from "./frameworkInfo.js";
import type { MasterState } from "./state.js";

/** GET /state, in the form that dashboards and older clients read. */
export function stateJson(state: MasterState): Answer {
  const agents = [...state.agents.values()];
  const seconds = state.startTime / 1000;
  return jsonAnswer(
    JSON.stringify({
      ...VERSION,
      start_time: seconds,
      elected_time: seconds,
      id: state.id,
      pid: state.pid,
      hostname: state.info.hostname,
      capabilities: ["AGENT_UPDATE", "AGENT_DRAINING", "QUOTA_V2"],
      activated_slaves: agents.filter((agent) => agent.active).length,
      deactivated_slaves: agents.filter((agent) => !agent.active).length,
      unreachable_slaves: state.registry.unreachable.size,
      leader: state.pid,
      leader_info: { id: state.id, pid: state.pid, port: state.port, hostname: state.info.hostname },
      flags: state.flags.all(),
      slaves: agents.map(modelAgent),
      recovered_slaves: [...state.recoveredAgents].map((id) => ({ id })),
      frameworks: [...state.frameworks.values()].map((framework) => modelFramework(state, framework)),
      completed_frameworks: [...state.completedFrameworks.values()].map((one) => modelFramework(state, one)),
      orphan_tasks: [],
      unregistered_frameworks: [],
    }),
  );
}

/** GET /slaves: the agents alone. */
export function slavesJson(state: MasterState): Answer {
  const slaves = [...state.agents.values()].map(modelAgent);
  return jsonAnswer(JSON.stringify({ slaves, recovered_slaves: [...state.recoveredAgents].map((id) => ({ id })) }));
}

/** GET /frameworks: the frameworks with their tasks. */
export function frameworksJson(state: MasterState): Answer {
  return jsonAnswer(
    JSON.stringify({
      frameworks: [...state.frameworks.values()].map((framework) => modelFramework(state, framework)),
      completed_frameworks: [...state.completedFrameworks.values()].map((one) => modelFramework(state, one)),
      unregistered_frameworks: [],
    }),
  );
}

/** GET /tasks: those that run and those that ended, of all frameworks. */
export function tasksJson(state: MasterState): Answer {
  const frameworks = [...state.frameworks.values(), ...state.completedFrameworks.values()];
  const tasks = frameworks.flatMap(({ tasks: live, unreachableTasks, completedTasks }) => [
    ...live.values(),
    ...unreachableTasks.values(),
    ...completedTasks,
  ]);
  return jsonAnswer(JSON.stringify({ tasks: tasks.map((task) => modelTask(task.info)) }));
}

/** GET /flags. */
export function flagsJson(state: MasterState): Answer {
  return jsonAnswer(JSON.stringify({ flags: state.flags.all() }));
}

function modelAgent(agent: Agent): Record<string, unknown> {
  return {
    id: agent.id,
    hostname: agent.hostname,
    port: agent.info.port,
    attributes: modelAttributes(agent.info.attributes),
    pid: agent.pid,
    registered_time: agent.registeredTime / 1000,
    ...(agent.reregisteredTime > 0 ? { reregistered_time: agent.reregisteredTime / 1000 } : {}),
    resources: modelResources(agent.total),
    used_resources: modelResources(sum(agent.used().values())),
    offered_resources: modelResources(offered(agent.offers)),
    reserved_resources: modelReserved(agent.total),
    unreserved_resources: modelResources(unreserved(agent.total)),
    active: agent.active,
    deactivated: false,
    version: VERSION.version,
    capabilities: AGENT_CAPABILITIES,
  };
}

function modelFramework(state: MasterState, framework: Framework): Record<string, unknown> {
  const { info } = framework;
  const used = usedBy(state, framework);
  const held = offered(framework.offers);
  return {
    id: framework.id,
    name: info.name,
    used_resources: modelResources(used),
    offered_resources: modelResources(held),
    capabilities: info.capabilities.map(({ type }) => Capability[type ?? Capability.UNKNOWN]),
    hostname: info.hostname ?? "",
    webui_url: info.webuiUrl ?? "",
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
    user: info.user,
    failover_timeout: info.failoverTimeout ?? 0,
    checkpoint: info.checkpoint ?? false,
    registered_time: framework.registeredTime / 1000,
    unregistered_time: framework.unregisteredTime / 1000,
    ...(framework.reregisteredTime > framework.registeredTime
      ? { reregistered_time: framework.reregisteredTime / 1000 }
      : {}),
    ...(info.principal === undefined ? {} : { principal: info.principal }),
    resources: modelResources(used.plus(held)),
    ...(hasCapability(info, Capability.MULTI_ROLE) ? { roles: info.roles } : { role: info.role ?? "*" }),
    suppressed_roles: [...framework.suppressedRoles],
    tasks: [...framework.tasks.values()].map((task) => modelTask(task.info)),
    unreachable_tasks: [...framework.unreachableTasks.values()].map((task) => modelTask(task.info)),
    completed_tasks: framework.completedTasks.map((task) => modelTask(task.info)),
    offers: [...framework.offers].map(modelOffer),
    executors: modelExecutors(state, framework),
    ...modelLabels(info.labels),
  };
}

function modelOffer(offer: Offer): Record<string, unknown> {
  return {
    id: offer.id,
    framework_id: offer.framework.id,
    allocation_info: { role: offer.role },
    slave_id: offer.agent.id,
    resources: modelResources(offer.resources),
  };
}

function modelExecutors(state: MasterState, framework: Framework): unknown[] {
  return [...state.agents.values()].flatMap((agent) =>
    [...(agent.executors.get(framework.id)?.values() ?? [])].map((info) => ({
      executor_id: info.executorId?.value,
      name: info.name ?? "",
      framework_id: framework.id,
      command: { value: info.command?.value, argv: info.command?.arguments ?? [], uris: info.command?.uris ?? [] },
      resources: modelResources(Resources.of(info.resources)),
      role: info.resources[0]?.allocationInfo?.role ?? "*",
      slave_id: agent.id,
    })),
  );
}

/** What a framework's tasks and executors use. */
export function usedBy(state: MasterState, framework: Framework): Resources {
  return sum([...state.agents.values()].map((agent) => agent.used().get(framework.id) ?? Resources.none));
}

export function offered(offers: Iterable<Offer>): Resources {
  return sum([...offers].map((offer) => offer.resources));
}
