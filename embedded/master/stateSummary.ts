import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { type Answer, jsonAnswer } from "../http/answer.js";
import type { Framework, TaskEntry } from "./entities.js";
import type { MasterState } from "./state.js";
import { modelAgent, modelIdentity, offered, usedBy } from "./stateJson.js";

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
  const tasks = tasksOf(framework);
  return {
    ...modelIdentity(framework, usedBy(state, framework), offered(framework.offers)),
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
