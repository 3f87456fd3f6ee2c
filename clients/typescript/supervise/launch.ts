import { HealthCheck_Type, type Offer, type Resource, type TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import type { DeepPartial } from "../library/deepPartial.js";
import { type Agent, Seats } from "../library/placement.js";
import { amounts } from "../library/resources.js";
import type { App } from "./app.js";
import { newTask, type Task, type Wanted } from "./plan.js";

/** A task to launch, with the offer and the resources that it gets. */
export interface Placement {
  app: App;
  task: Task;
  offer: Offer;
  resources: Resource[];
}

/** Puts instances on offers. Returns what runs on each, by its id, and why apps have to wait, by their names. */
export function place(
  wanted: readonly Wanted[],
  offers: readonly Offer[],
  tasks: readonly Task[],
  agents: ReadonlyMap<string, Agent>,
  nowMs: number,
): { placed: Map<string, Placement[]>; waits: Map<string, string> } {
  const seats = new Seats(offers, agents);
  const placed = new Map<string, Placement[]>(offers.map(({ id }) => [id?.value ?? "", []]));
  const waits = new Map<string, string>();
  /** How many tasks of an app's version are on each agent. */
  const here = new Map<string, Map<string, number>>(wanted.map(({ app }) => [`${app.name}.${app.hash}`, new Map()]));
  const count = ({ app, hash, agentId }: Task) => {
    const own = here.get(`${app}.${hash}`);
    own?.set(agentId, (own.get(agentId) ?? 0) + 1);
  };
  for (const task of tasks) count(task);
  for (const { app, index } of wanted) {
    if (waits.has(app.name)) continue;
    const own = here.get(`${app.name}.${app.hash}`) ?? new Map<string, number>();
    const seat = seats.take(amounts(app.cpus, app.mem, app.disk), app.constraints, own);
    if ("offer" in seat) {
      const task = newTask(app, index, seat.offer.agentId?.value ?? "", nowMs);
      placed.get(seat.offer.id?.value ?? "")?.push({ app, task, ...seat });
      count(task);
    } else waits.set(app.name, `${app.at}${describe(app, seat.unmet)}`);
  }
  return { placed, waits };
}

function describe({ cpus, mem, disk, constraints }: App, unmet: number | undefined): string {
  if (unmet === undefined) return `cpus: no offer has ${cpus} CPUs, ${mem} MB of memory and ${disk} MB of disk`;
  return `constraints[${unmet}]: no agent that has room meets ${constraints[unmet]?.join(" ")}`;
}

/** The task that runs an instance, as Mesos wants it. */
export function taskInfo({ app, task, offer, resources }: Placement): DeepPartial<TaskInfo> {
  const { cmd, args = [], env, fetch, healthChecks, taskKillGracePeriodSeconds } = app;
  const program = cmd === undefined ? { shell: false, value: args[0], arguments: args } : { shell: true, value: cmd };
  const environment = { variables: Object.entries(env).map(([name, value]) => ({ name, value })) };
  const uris = fetch.map(({ uri, destPath, ...how }) => ({ value: uri, outputFile: destPath, ...how }));
  return {
    name: `${app.name}.${task.index}`,
    taskId: { value: task.id },
    agentId: offer.agentId,
    resources,
    command: { ...program, environment, uris },
    killPolicy: { gracePeriod: { nanoseconds: BigInt(Math.round(taskKillGracePeriodSeconds * 1e9)) } },
    healthCheck: healthChecks.map(healthCheck)[0],
  };
}

function healthCheck(
  check: App["healthChecks"][number],
): TaskInfo["healthCheck"] | DeepPartial<TaskInfo["healthCheck"]> {
  const { COMMAND, HTTP } = HealthCheck_Type;
  const { delaySeconds, gracePeriodSeconds, intervalSeconds, timeoutSeconds, maxConsecutiveFailures } = check;
  const times = { delaySeconds, gracePeriodSeconds, intervalSeconds, timeoutSeconds };
  const common = { ...times, consecutiveFailures: maxConsecutiveFailures };
  if (check.protocol === "COMMAND")
    return { ...common, type: COMMAND, command: { shell: true, value: check.command.value } };
  return { ...common, type: HTTP, http: { scheme: "http", port: check.port, path: check.path } };
}
