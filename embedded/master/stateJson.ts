import {
  type AgentInfo,
  FrameworkInfo_Capability_Type as Capability,
  type CommandInfo,
  ExecutorInfo_Type,
} from "../../gen/mesos/v1/mesos.js";
import type { OfferConstraints } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { type Answer, jsonAnswer, type Request } from "../http/answer.js";
import { modelAttributes, modelFull, modelLabels, modelMessage, modelReservedFull, modelTask } from "../modelJson.js";
import { modelReserved, modelResources, sum, unreserved } from "../resources/modelJson.js";
import { Resources } from "../resources/resources.js";
import { AGENT_CAPABILITIES, VERSION } from "../version.js";
import type { Agent, Framework, Offer, TaskEntry } from "./entities.js";
import { hasCapability } from "./frameworkInfo.js";
import type { MasterState } from "./state.js";
import { drainInfoOf } from "./withdrawal.js";

/** How many tasks one answer holds unless it is told. */
const DEFAULT_TASKS = 100;

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
      slaves: agents.map((agent) => modelAgent(state, agent)),
      recovered_slaves: [...state.recoveredAgents.values()].map(modelRecovered),
      frameworks: [...state.frameworks.values()].map((framework) => modelFramework(state, framework)),
      completed_frameworks: [...state.completedFrameworks.values()].map((one) => modelFramework(state, one)),
      orphan_tasks: [],
      unregistered_frameworks: [],
    }),
  );
}

/** GET /slaves: the agents alone, or the one with `slave_id`. */
export function slavesJson(state: MasterState, { query }: Request): Answer {
  const isWanted = wanted(query, "slave_id");
  const slaves = [...state.agents.values()].filter(({ id }) => isWanted(id));
  const recovered = [...state.recoveredAgents.values()].filter(({ id }) => isWanted(id?.value ?? ""));
  return jsonAnswer(
    JSON.stringify({
      slaves: slaves.map((agent) => ({ ...modelAgent(state, agent), ...fullResources(agent) })),
      recovered_slaves: recovered.map(modelRecovered),
    }),
  );
}

/** GET /frameworks: the frameworks with their tasks, or the one with `framework_id`. */
export function frameworksJson(state: MasterState, { query }: Request): Answer {
  const isWanted = wanted(query, "framework_id");
  const model = (frameworks: Iterable<Framework>) =>
    [...frameworks].filter(({ id }) => isWanted(id)).map((framework) => modelFramework(state, framework));
  return jsonAnswer(
    JSON.stringify({
      frameworks: model(state.frameworks.values()),
      completed_frameworks: model(state.completedFrameworks.values()),
      unregistered_frameworks: [],
    }),
  );
}

/** Whether an id is the one that the query asks for, if it asks for one. */
function wanted(query: URLSearchParams, parameter: string): (id: string) => boolean {
  const id = query.get(parameter);
  return (each) => id === null || each === id;
}

/** As the resources themselves, and not only their sums. */
function fullResources(agent: Agent): Record<string, unknown> {
  return {
    reserved_resources_full: modelReservedFull(agent.total),
    unreserved_resources_full: modelFull(unreserved(agent.total)),
    used_resources_full: modelFull(sum(agent.used().values())),
    offered_resources_full: modelFull(offered(agent.offers)),
  };
}

/**
 * GET /tasks: those that run and those that ended, of all frameworks or of `framework_id`, of all ids or of `task_id`. By
 * their first update, newest first unless `order` is `asc`; from `offset` on, no more than `limit`.
 */
export function tasksJson(state: MasterState, { query }: Request): Answer {
  const [ofFramework, ofTask] = [wanted(query, "framework_id"), wanted(query, "task_id")];
  const frameworks = [...state.frameworks.values(), ...state.completedFrameworks.values()].filter(({ id }) =>
    ofFramework(id),
  );
  const tasks = frameworks.flatMap(({ tasks: live, unreachableTasks, completedTasks }) => [
    ...live.values(),
    ...unreachableTasks.values(),
    ...completedTasks,
  ]);
  const [offset, limit] = [count(query.get("offset"), 0), count(query.get("limit"), DEFAULT_TASKS)];
  const sign = query.get("order") === "asc" ? 1 : -1;
  const page = tasks
    .filter(({ id }) => ofTask(id))
    .sort((a, b) => sign * (startOf(a) - startOf(b)))
    .slice(offset, offset + limit);
  return jsonAnswer(JSON.stringify({ tasks: page.map((task) => modelTask(task.info)) }));
}

function count(text: string | null, otherwise: number): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : otherwise;
}

/** One without an update has not begun. */
function startOf({ info }: TaskEntry): number {
  return info.statuses[0]?.timestamp ?? Number.MAX_VALUE;
}

/** GET /flags. */
export function flagsJson(state: MasterState): Answer {
  return jsonAnswer(JSON.stringify({ flags: state.flags.all() }));
}

/** An agent that an earlier master knew. */
function modelRecovered({ id, hostname, port, attributes }: AgentInfo): Record<string, unknown> {
  return { id: id?.value, hostname, port, attributes: modelAttributes(attributes) };
}

export function modelAgent(state: MasterState, agent: Agent): Record<string, unknown> {
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
    deactivated: state.withdrawals.has(agent.id),
    version: VERSION.version,
    capabilities: AGENT_CAPABILITIES,
    ...modelDraining(state, agent),
  };
}

function modelDraining(state: MasterState, { id, drainStartTime }: Agent): Record<string, unknown> {
  const info = drainInfoOf(state.withdrawals.get(id));
  if (!info) return {};
  return {
    drain_info: modelMessage("mesos.v1.DrainInfo", info),
    ...(drainStartTime !== undefined && { estimated_drain_start_time_seconds: drainStartTime / 1000 }),
  };
}

/** What /state and /state-summary tell alike of a framework. */
export function modelIdentity(framework: Framework, used: Resources, held: Resources): Record<string, unknown> {
  const { info } = framework;
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
  };
}

function modelFramework(state: MasterState, framework: Framework): Record<string, unknown> {
  const { info } = framework;
  const used = usedBy(state, framework);
  const held = offered(framework.offers);
  return {
    ...modelIdentity(framework, used, held),
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
    tasks: [...framework.tasks.values()].map((task) => modelTask(task.info)),
    unreachable_tasks: [...framework.unreachableTasks.values()].map((task) => modelTask(task.info)),
    completed_tasks: framework.completedTasks.map((task) => modelTask(task.info)),
    offers: [...framework.offers].map(modelOffer),
    executors: modelExecutors(state, framework),
    ...modelLabels(info.labels),
    offer_constraints: modelConstraints(framework.offerConstraints),
  };
}

function modelConstraints(constraints: OfferConstraints | undefined): unknown {
  if (!constraints) return {};
  return modelMessage("mesos.v1.scheduler.OfferConstraints", constraints);
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
      command: modelCommand(info.command),
      resources: modelResources(Resources.of(info.resources)),
      role: info.resources[0]?.allocationInfo?.role ?? "*",
      ...(info.type === undefined ? {} : { type: ExecutorInfo_Type[info.type] }),
      slave_id: agent.id,
      ...modelLabels(info.labels),
    })),
  );
}

function modelCommand(command: CommandInfo | undefined): Record<string, unknown> {
  return {
    ...(command?.shell === undefined ? {} : { shell: command.shell }),
    value: command?.value,
    argv: command?.arguments ?? [],
    ...(command?.environment ? { environment: modelMessage("mesos.v1.Environment", command.environment) } : {}),
    uris: (command?.uris ?? []).map(({ value, executable }) => ({ value, executable: executable ?? false })),
  };
}

/** What a framework's tasks and executors use. */
export function usedBy(state: MasterState, framework: Framework): Resources {
  return sum([...state.agents.values()].map((agent) => agent.used().get(framework.id) ?? Resources.none));
}

export function offered(offers: Iterable<Offer>): Resources {
  return sum([...offers].map((offer) => offer.resources));
}
