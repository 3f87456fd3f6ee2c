import {
  ContainerInfo_Type,
  type ExecutorInfo,
  ExecutorInfo_Type,
  type TaskInfo,
} from "../../../gen/mesos/v1/mesos.js";
import { invalidId } from "../../names.js";
import { Resources } from "../../resources/resources.js";
import { toMilli } from "../../resources/value.js";
import type { Agent, Framework } from "../entities.js";
import { invalidCheck, invalidCommand, invalidHealthCheck } from "./checks.js";
import { invalidContainer } from "./container.js";
import { invalidInfos } from "./disk.js";
import { prefixed } from "./errors.js";
import { invalidExecutor, sameExecutor } from "./executor.js";
import { duplicatePersistenceId, mixedAllocation, mixedRevocable } from "./resources.js";

/** Mesos warns below these for custom executors, and refuses task groups below them. In thousandths. */
const MIN_EXECUTOR_CPUS = 10;
const MIN_EXECUTOR_MEM = 32_000;

/** What is wrong with a task of a LAUNCH, given what is left of the offers, or undefined. */
export function invalidTask(
  task: TaskInfo,
  framework: Framework,
  agent: Agent,
  available: Resources,
): string | undefined {
  return (
    invalidTaskItself(task, framework, agent) ??
    oneOfCommandAndExecutor(task) ??
    invalidLaunchExecutor(task, framework, agent) ??
    tooMuch(task, framework, agent, available)
  );
}

function invalidTaskItself(task: TaskInfo, framework: Framework, agent: Agent): string | undefined {
  const id = task.taskId?.value ?? "";
  const invalid = invalidId(id);
  if (invalid !== undefined) return invalid;
  if (framework.tasks.has(id)) return `Task has duplicate ID: ${id}`;
  if (framework.unreachableTasks.has(id)) return `Task reuses the ID of an unreachable task: ${id}`;
  if (task.agentId?.value !== agent.id) {
    return `Task uses invalid agent ${task.agentId?.value} while agent ${agent.id} is expected`;
  }
  if (Number(task.killPolicy?.gracePeriod?.nanoseconds ?? 0n) < 0) {
    return "Task's 'kill_policy.grace_period' must be non-negative";
  }
  if (Number(task.maxCompletionTime?.nanoseconds ?? 0n) < 0) return "Task's `max_completion_time` must be non-negative";
  return (
    prefixed("Task uses invalid check: ", task.check && invalidCheck(task.check)) ??
    prefixed("Task uses invalid health check: ", task.healthCheck && invalidHealthCheck(task.healthCheck)) ??
    invalidTaskResources(task) ??
    prefixed("Task's `CommandInfo` is invalid: ", task.command && invalidCommand(task.command)) ??
    prefixed("Task's `ContainerInfo` is invalid: ", task.container && invalidContainer(task.container)) ??
    invalidLimits(task)
  );
}

function invalidTaskResources(task: TaskInfo): string | undefined {
  if (task.resources.length === 0) return "Task uses no resources";
  const both = [...task.resources, ...(task.executor?.resources ?? [])];
  return (
    prefixed("Task uses invalid resources: ", invalidInfos(task.resources)) ??
    prefixed("Invalid task resources: ", mixedAllocation(task.resources)) ??
    prefixed("Task mixes revocable and non-revocable resources: ", mixedRevocable(task.resources)) ??
    prefixed("Task and its executor mix revocable and non-revocable resources: ", mixedRevocable(both)) ??
    prefixed("Task uses duplicate persistence ID: ", duplicatePersistenceId(both))
  );
}

function invalidLimits(task: TaskInfo): string | undefined {
  const resources = Resources.of(task.resources);
  if (Object.keys(task.limits).some((name) => name !== "cpus" && name !== "mem")) {
    return "Only cpus and mem may be included in a task's resource limits";
  }
  const isBelow = (name: string) => {
    const limit = task.limits[name]?.value;
    return limit !== undefined && limit !== Number.POSITIVE_INFINITY && toMilli(limit) < resources.milli(name);
  };
  if (isBelow("cpus")) return "The cpu limit must be greater than or equal to the cpu request";
  if (isBelow("mem")) return "The memory limit must be greater than or equal to the memory request";
  return undefined;
}

function oneOfCommandAndExecutor(task: TaskInfo): string | undefined {
  if ((task.command === undefined) !== (task.executor === undefined)) return undefined;
  return "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present";
}

function invalidLaunchExecutor(task: TaskInfo, framework: Framework, agent: Agent): string | undefined {
  const { executor } = task;
  if (!executor) return undefined;
  const invalid = invalidExecutor(executor, framework, agent);
  if (invalid !== undefined) return invalid;
  if (executor.type !== undefined && executor.type !== ExecutorInfo_Type.CUSTOM) {
    return "'ExecutorInfo.type' must be 'CUSTOM'";
  }
  return executor.command ? undefined : "'ExecutorInfo.command' must be set";
}

function tooMuch(task: TaskInfo, framework: Framework, agent: Agent, available: Resources): string | undefined {
  const total = neededResources([task], framework, agent);
  if (total.isCoveredBy(available)) return undefined;
  return `Total resources ${total} required by task and its executor is more than available ${available}`;
}

/** What tasks take from the offers: with their executor's share, if it doesn't run there yet. */
export function neededResources(tasks: readonly TaskInfo[], framework: Framework, agent: Agent): Resources {
  const own = Resources.of(tasks.flatMap(({ resources }) => resources));
  const executor = tasks[0]?.executor;
  if (!executor || agent.executor(framework.id, executor.executorId?.value ?? "")) return own;
  return own.plus(Resources.of(executor.resources));
}

/** What is wrong with a LAUNCH_GROUP, whose tasks share one executor, or undefined. */
export function invalidGroup(
  executor: ExecutorInfo,
  tasks: readonly TaskInfo[],
  framework: Framework,
  agent: Agent,
  available: Resources,
): string | undefined {
  if (tasks.length === 0) return "Task group cannot be empty";
  for (const task of tasks) {
    const invalid = invalidTaskItself(task, framework, agent) ?? invalidGroupTask(task);
    if (invalid !== undefined) return `Task '${task.taskId?.value}' is invalid: ${invalid}`;
  }
  const invalid = invalidGroupExecutor(executor, framework, agent);
  if (invalid !== undefined) return invalid;
  const stranger = tasks.find(({ executor: own }) => own && !sameExecutor(own, executor));
  if (stranger) {
    return `The \`ExecutorInfo\` of task '${stranger.taskId?.value}' is different from executor '${executor.executorId?.value}'`;
  }
  const cgroups = mixedCgroups(executor, tasks, framework);
  if (cgroups !== undefined) return cgroups;
  const total = neededResources(tasks, framework, agent);
  if (total.isCoveredBy(available)) return undefined;
  return `Total resources ${total} required by task group and its executor are more than available ${available}`;
}

/** Tasks of one executor share their cgroups, or none does. */
function mixedCgroups(executor: ExecutorInfo, tasks: readonly TaskInfo[], framework: Framework): string | undefined {
  const id = executor.executorId?.value;
  const running = [...framework.tasks.values()].filter(({ info }) => info.executorId?.value === id);
  const shared = [...tasks, ...running.map(({ info }) => info)].map(
    ({ container }) => container?.linuxInfo?.shareCgroups ?? true,
  );
  if (new Set(shared).size === 1) return undefined;
  return "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single executor";
}

function invalidGroupTask(task: TaskInfo): string | undefined {
  if (!task.executor) return "'TaskInfo.executor' must be set";
  if (Object.keys(task.limits).length > 0 && task.container?.linuxInfo?.shareCgroups !== false) {
    return "Resource limits may only be set for tasks within a task group when the 'share_cgroups' field is set to 'false'.";
  }
  if (task.container?.type === ContainerInfo_Type.DOCKER) return "Docker ContainerInfo is not supported on the task";
  return undefined;
}

function invalidGroupExecutor(executor: ExecutorInfo, framework: Framework, agent: Agent): string | undefined {
  if (executor.type === undefined) return "'ExecutorInfo.type' must be set";
  if (executor.type === ExecutorInfo_Type.UNKNOWN) return "Unknown executor type";
  const invalid = invalidExecutor(executor, framework, agent);
  if (invalid !== undefined) return invalid;
  const resources = Resources.of(executor.resources);
  if (resources.milli("cpus") < MIN_EXECUTOR_CPUS) {
    return `Executor '${executor.executorId?.value}' uses less CPUs (${amountOrNone(resources, "cpus")}) than the minimum required (0.01)`;
  }
  if (resources.milli("mem") < MIN_EXECUTOR_MEM) {
    return `Executor '${executor.executorId?.value}' uses less memory (${amountOrNone(resources, "mem", "MB")}) than the minimum required (32MB)`;
  }
  if (resources.milli("disk") === 0) return `Executor '${executor.executorId?.value}' uses no disk`;
  return undefined;
}

/** As Mesos prints an amount that may be missing. */
function amountOrNone(resources: Resources, name: string, unit = ""): string {
  const milli = resources.milli(name);
  return milli === 0 ? "None" : `${milli / 1000}${unit}`;
}
