import type { Offer, TaskInfo } from "../../../gen/mesos/v1/mesos.js";
import type { DeepPartial } from "../library/deepPartial.js";
import { healthCheckInfo } from "../library/healthCheck.js";
import { type Agent, type Seat, Seats } from "../library/placement.js";
import { amounts } from "../library/resources.js";
import { commandInfo } from "../library/taskCommand.js";
import type { App } from "./app.js";
import { newTask, type Task, type Wanted } from "./plan.js";

/** A task to launch, with the offer and the resources that it gets. */
export interface Placement extends Seat {
  app: App;
  task: Task;
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
  for (const { app, hash, agentId } of tasks) seats.occupy(`${app}.${hash}`, agentId);
  for (const { app, index } of wanted) {
    if (waits.has(app.name)) continue;
    const seat = seats.take(`${app.name}.${app.hash}`, amounts(app.cpus, app.mem, app.disk), app.constraints);
    if ("offer" in seat) {
      const task = newTask(app, index, seat.offer.agentId?.value ?? "", nowMs);
      placed.get(seat.offer.id?.value ?? "")?.push({ app, task, ...seat });
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
  return {
    name: `${app.name}.${task.index}`,
    taskId: { value: task.id },
    agentId: offer.agentId,
    resources,
    command: commandInfo(app),
    killPolicy: { gracePeriod: { nanoseconds: BigInt(Math.round(app.taskKillGracePeriodSeconds * 1e9)) } },
    healthCheck: app.healthChecks.map(healthCheckInfo)[0],
  };
}
