import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { parseMesosDuration } from "../duration.js";
import { type Answer, jsonAnswer, type Request, textAnswer } from "../http/answer.js";
import { systemMetrics } from "../processAnswers.js";
import { Resources } from "../resources/resources.js";
import { roleMetrics } from "./roleMetrics.js";
import type { MasterState } from "./state.js";

/** GET /metrics/snapshot, of Mesos's several hundred the ones that tests and dashboards look at. */
export function metricsJson(state: MasterState, { query }: Request): Answer {
  const timeout = query.get("timeout");
  try {
    if (timeout !== null) parseMesosDuration(timeout);
  } catch (error) {
    return textAnswer(400, `Invalid timeout '${timeout}': ${error instanceof Error ? error.message : error}.\n`);
  }
  return jsonAnswer(JSON.stringify(metrics(state)));
}

export function metrics(state: MasterState): Record<string, number> {
  const frameworks = [...state.frameworks.values()];
  const agents = [...state.agents.values()];
  const out: Record<string, number> = {
    "master/elected": 1,
    "master/uptime_secs": (state.clock.now() - state.startTime) / 1000,
    "master/slaves_active": agents.filter((agent) => agent.active).length,
    "master/slaves_inactive": agents.filter((agent) => agent.connected && !agent.active).length,
    "master/slaves_connected": agents.filter((agent) => agent.connected).length,
    "master/slaves_disconnected": agents.filter((agent) => !agent.connected).length,
    "master/slaves_unreachable": state.registry.unreachable.size,
    "master/frameworks_active": frameworks.filter((framework) => framework.connected).length,
    "master/frameworks_connected": frameworks.filter((framework) => framework.connected).length,
    "master/frameworks_disconnected": frameworks.filter((framework) => !framework.connected).length,
    "master/frameworks_inactive": 0,
    "master/outstanding_offers": state.offers.size,
    // Nothing waits: each message is handled as it comes.
    "master/event_queue_dispatches": 0,
    "master/event_queue_http_requests": 0,
    "master/event_queue_messages": 0,
    ...systemMetrics(),
  };
  Object.assign(out, resourceMetrics(state), roleMetrics(state));
  for (const name of Object.keys(TaskState)) {
    // Of tasks that it doesn't know it keeps no count.
    if (name.startsWith("TASK_") && name !== "TASK_UNKNOWN")
      out[`master/tasks_${name.slice("TASK_".length).toLowerCase()}`] = 0;
  }
  for (const framework of frameworks) {
    const tasks = [...framework.tasks.values(), ...framework.unreachableTasks.values(), ...framework.completedTasks];
    for (const task of tasks) countTask(out, task.info.state);
  }
  for (const framework of state.completedFrameworks.values()) {
    for (const task of framework.completedTasks) countTask(out, task.info.state);
  }
  return out;
}

/** What the agents have in all, and how much of it tasks and executors use. */
function resourceMetrics(state: MasterState): Record<string, number> {
  const agents = [...state.agents.values()];
  const total = Resources.of(agents.flatMap((agent) => agent.total.list()));
  const used = Resources.of(agents.flatMap((agent) => [...agent.used().values()].flatMap((each) => each.list())));
  const out: Record<string, number> = {};
  for (const name of ["cpus", "gpus", "mem", "disk"]) {
    const [all, taken] = [total.milli(name) / 1000, used.milli(name) / 1000];
    out[`master/${name}_total`] = all;
    out[`master/${name}_used`] = taken;
    out[`master/${name}_percent`] = all === 0 ? 0 : taken / all;
    for (const kind of ["total", "used", "percent"]) out[`master/${name}_revocable_${kind}`] = 0;
  }
  return out;
}

function countTask(out: Record<string, number>, state: TaskState | undefined): void {
  const name = TaskState[state ?? TaskState.TASK_STAGING]?.slice("TASK_".length).toLowerCase();
  out[`master/tasks_${name}`] = (out[`master/tasks_${name}`] ?? 0) + 1;
}
