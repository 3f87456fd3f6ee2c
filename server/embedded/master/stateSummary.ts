import { FrameworkInfo_Capability_Type as Capability, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import { reservationRole } from "../resources/identity.js";
import { modelResources } from "../resources/modelJson.js";
import { Resources } from "../resources/resources.js";
import type { Framework, TaskEntry } from "./entities.js";
import type { MasterState } from "./state.js";
import { modelAgent, offered, usedBy } from "./stateJson.js";

/** The states that a summary counts. */
const COUNTED = [
  "TASK_STAGING",
  "TASK_STARTING",
  "TASK_RUNNING",
  "TASK_KILLING",
  "TASK_FINISHED",
  "TASK_KILLED",
  "TASK_FAILED",
  "TASK_LOST",
  "TASK_ERROR",
  "TASK_UNREACHABLE",
] as const;

/** GET /state-summary: agents and frameworks with how many tasks they have in each state. */
export function stateSummaryJson(state: MasterState): Answer {
  const frameworks = [...state.frameworks.values()];
  const tasksByAgent = new Map<string, TaskEntry[]>();
  for (const task of frameworks.flatMap(tasksOf)) {
    const tasks = tasksByAgent.get(task.agentId);
    if (tasks) tasks.push(task);
    else tasksByAgent.set(task.agentId, [task]);
  }
  return jsonAnswer(
    JSON.stringify({
      hostname: state.info.hostname,
      slaves: [...state.agents.values()].map((agent) => {
        const tasks = tasksByAgent.get(agent.id) ?? [];
        return { ...modelAgent(state, agent), ...counts(tasks), framework_ids: distinct(tasks, "frameworkId") };
      }),
      frameworks: frameworks.map((framework) => summary(state, framework)),
    }),
  );
}

function summary(state: MasterState, framework: Framework): Record<string, unknown> {
  const { info } = framework;
  const tasks = tasksOf(framework);
  return {
    id: framework.id,
    name: info.name,
    used_resources: modelResources(usedBy(state, framework)),
    offered_resources: modelResources(offered(framework.offers)),
    capabilities: info.capabilities.map(({ type }) => Capability[type ?? Capability.UNKNOWN]),
    hostname: info.hostname ?? "",
    webui_url: info.webuiUrl ?? "",
    active: framework.connected,
    connected: framework.connected,
    recovered: framework.recovered,
    ...counts(tasks),
    slave_ids: distinct(tasks, "agentId"),
  };
}

function tasksOf({ tasks, unreachableTasks, completedTasks }: Framework): TaskEntry[] {
  return [...tasks.values(), ...unreachableTasks.values(), ...completedTasks];
}

function counts(tasks: readonly TaskEntry[]): Record<string, number> {
  const counted: Record<string, number> = Object.fromEntries(COUNTED.map((name) => [name, 0]));
  for (const { info } of tasks) {
    const name = TaskState[info.state ?? TaskState.TASK_STAGING];
    if (name in counted) counted[name] = (counted[name] ?? 0) + 1;
  }
  return counted;
}

function distinct(tasks: readonly TaskEntry[], key: "agentId" | "frameworkId"): string[] {
  return [...new Set(tasks.map((task) => task[key]))];
}

/** GET /roles: the roles of frameworks and of reservations, with what is allocated to them. */
export function rolesJson(state: MasterState): Answer {
  const agents = [...state.agents.values()];
  const frameworks = [...state.frameworks.values()];
  const reservedRoles = agents.flatMap(({ total }) => total.list().flatMap((each) => reservationRole(each) ?? []));
  const names = [...new Set([...frameworks.flatMap(({ roles }) => roles), ...reservedRoles])].sort();
  const used = Resources.of(frameworks.flatMap((framework) => usedBy(state, framework).list()));
  const held = offered(state.offers.values());
  const total = Resources.of(agents.flatMap((agent) => agent.total.list()));
  const roles = names.map((name) => {
    const isAllocated = (each: ReturnType<Resources["list"]>[number]) => each.allocationInfo?.role === name;
    const [allocated, inOffers] = [used.filter(isAllocated), held.filter(isAllocated)];
    return {
      name,
      weight: 1,
      quota: { role: name, guarantee: {}, limit: {}, consumed: quantities(allocated) },
      resources: quantities(allocated.plus(inOffers)),
      allocated: quantities(allocated),
      offered: quantities(inOffers),
      reserved: quantities(total.filter((each) => reservationRole(each) === name)),
      frameworks: frameworks.filter((framework) => framework.roles.includes(name)).map(({ id }) => id),
    };
  });
  return jsonAnswer(JSON.stringify({ roles }));
}

/** How much of each resource: of ranges and sets, how many there are. */
function quantities(resources: Resources): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [name, amount] of resources.amountsByName()) {
    if (amount.kind === "scalar") sums[name] = amount.milli / 1000;
    else if (amount.kind === "set") sums[name] = amount.items.length;
    else sums[name] = amount.ranges.reduce((sum, [begin, end]) => sum + Number(end - begin) + 1, 0);
  }
  return sums;
}
