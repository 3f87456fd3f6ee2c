import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import { systemMetrics } from "../processAnswers.js";
import { sum } from "../resources/modelJson.js";
import type { Executor } from "./executor.js";
import type { AgentState } from "./state.js";

/** GET /metrics/snapshot of an agent: what it has, what of it is used, and how its executors and tasks are. */
export function agentMetricsJson(state: AgentState): Answer {
  const executors = [...state.frameworks.values()].flatMap((framework) => [...framework.executors.values()]);
  const used = sum(executors.map((executor) => executor.resources));
  const out: Record<string, number> = {
    "slave/registered": state.registered ? 1 : 0,
    "slave/uptime_secs": (state.clock.now() - state.startTime) / 1000,
    "slave/frameworks_active": state.frameworks.size,
    ...systemMetrics(),
  };
  for (const name of ["cpus", "gpus", "mem", "disk"]) {
    const [all, taken] = [state.total.milli(name) / 1000, used.milli(name) / 1000];
    out[`slave/${name}_total`] = all;
    out[`slave/${name}_used`] = taken;
    out[`slave/${name}_percent`] = all === 0 ? 0 : taken / all;
    for (const kind of ["total", "used", "percent"]) out[`slave/${name}_revocable_${kind}`] = 0;
  }
  for (const kind of ["registering", "running", "terminating"]) {
    out[`slave/executors_${kind}`] = executors.filter((executor) => executor.state === kind).length;
  }
  countTasks(out, executors);
  return jsonAnswer(JSON.stringify(out));
}

/** Those that the agent has now. */
function countTasks(out: Record<string, number>, executors: readonly Executor[]): void {
  const live = [...executors.flatMap(({ launched }) => [...launched.values()])].map(({ record }) => record.state);
  const queued = executors.flatMap(({ queue }) => queue.flatMap(({ tasks }) => tasks)).length;
  const count = (state: TaskState) => live.filter((each) => each === state).length;
  out["slave/tasks_staging"] = count(TaskState.TASK_STAGING) + queued;
  out["slave/tasks_starting"] = count(TaskState.TASK_STARTING);
  out["slave/tasks_running"] = count(TaskState.TASK_RUNNING);
  out["slave/tasks_killing"] = count(TaskState.TASK_KILLING);
}
