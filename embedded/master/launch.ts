import type { ExecutorInfo, Offer_Operation_LaunchGroup, TaskInfo } from "../../gen/mesos/v1/mesos.js";
import { Resources } from "../resources/resources.js";
import type { Agent, Framework } from "./entities.js";
import { getOrCreate } from "./filters.js";
import type { Remainder } from "./remainder.js";
import type { MasterState } from "./state.js";
import { addTask, newTask, sendTaskError } from "./tasks.js";
import { fatalGroup, fatalSum, isFatal } from "./validation/fatal.js";
import { invalidGroup, invalidTask, neededResources } from "./validation/task.js";

/** LAUNCH: every task for itself; one that is refused does not keep the others back. */
export function launch(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  tasks: readonly TaskInfo[],
  remainder: Remainder,
): void {
  for (const task of tasks) {
    const error = invalidTask(task, framework, agent, remainder.available);
    if (error === undefined) start(state, framework, agent, [task], false, remainder);
    else sendTaskError(state, framework, agent, task, error, false);
  }
}

/** LAUNCH_GROUP: all tasks or none. */
export function launchGroup(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  operation: Offer_Operation_LaunchGroup | undefined,
  remainder: Remainder,
): void {
  const tasks = operation?.taskGroup?.tasks ?? [];
  if (!operation?.executor) return;
  const needed = [...(operation.executor.resources ?? []), ...tasks.flatMap(({ resources }) => resources)];
  const fatal = fatalSum(needed);
  const error =
    fatal ?? invalidGroup(operation.executor, tasks, framework, agent, remainder.available) ?? fatalGroup(tasks);
  if (error !== undefined && isFatal(error)) state.log(`framework ${framework.id}: ${error}`);
  if (error === undefined) start(state, framework, agent, tasks, true, remainder);
  else for (const task of tasks) sendTaskError(state, framework, agent, task, error, true);
}

function start(
  state: MasterState,
  framework: Framework,
  agent: Agent,
  tasks: readonly TaskInfo[],
  group: boolean,
  remainder: Remainder,
): void {
  const executor = tasks[0]?.executor;
  remainder.available = remainder.available.minus(neededResources(tasks, framework, agent));
  const launchExecutor = executor === undefined || addExecutor(framework, agent, executor);
  for (const task of tasks) addTask(framework, agent, newTask(framework, agent, task));
  state.log(
    `framework ${framework.id} launches ${tasks.map(({ taskId }) => taskId?.value).join(", ")} on agent ${agent.id}`,
  );
  agent.link.toAgent((inbox) => inbox.runTasks({ framework: framework.info, executor, tasks, group, launchExecutor }));
}

/** @returns whether it is new on the agent. */
function addExecutor(framework: Framework, agent: Agent, executor: ExecutorInfo): boolean {
  const executors = getOrCreate(agent.executors, framework.id, () => new Map<string, ExecutorInfo>());
  const id = executor.executorId?.value ?? "";
  if (executors.has(id)) return false;
  executors.set(id, executor);
  return true;
}

/** Forgets an executor that ended and frees what it had for itself. */
export function removeExecutor(state: MasterState, agent: Agent, frameworkId: string, executorId: string): void {
  const executors = agent.executors.get(frameworkId);
  const executor = executors?.get(executorId);
  if (!executor) return;
  executors?.delete(executorId);
  if (executors?.size === 0) agent.executors.delete(frameworkId);
  state.allocator.recover(frameworkId, agent.id, Resources.of(executor.resources));
}
