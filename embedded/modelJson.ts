import {
  type Attribute,
  type ContainerStatus,
  type DiscoveryInfo,
  type Labels,
  type Task,
  TaskState,
  type TaskStatus,
} from "../gen/mesos/v1/mesos.js";
import { messageSchema } from "./codec/schema.js";
import { toJson } from "./codec/toJson.js";
import { reservationRole } from "./resources/identity.js";
import { modelResources, operatorResources } from "./resources/modelJson.js";
import { Resources } from "./resources/resources.js";

/** The parts of `/state` that master and agents show alike. */

export function modelAttributes(attributes: readonly Attribute[]): Record<string, string | number> {
  return Object.fromEntries(
    attributes.map(({ name, text, scalar, ranges }) => {
      const value =
        text?.value ??
        scalar?.value ??
        `[${(ranges?.range ?? []).map(({ begin, end }) => `${begin}-${end}`).join(", ")}]`;
      return [name ?? "", value];
    }),
  );
}

/** A message as it is, by its name in the protos. */
export function modelMessage(name: string, message: object): unknown {
  return JSON.parse(toJson(messageSchema(name), message));
}

/** Resources as they are, and not only their sums. */
export function modelFull(resources: Resources): unknown[] {
  return operatorResources(resources).map((each) => modelMessage("mesos.v1.Resource", each));
}

/** The same of those that are reserved, by role. */
export function modelReservedFull(resources: Resources): Record<string, unknown[]> {
  const roles = new Set(resources.list().flatMap((each) => reservationRole(each) ?? []));
  const reservedFor = (role: string) => resources.filter((each) => reservationRole(each) === role);
  return Object.fromEntries([...roles].map((role) => [role, modelFull(reservedFor(role))]));
}

export function modelLabels(labels: Labels | undefined): { labels?: unknown } {
  return labels ? { labels: labels.labels.map(({ key, value }) => ({ key, value })) } : {};
}

export function modelTask(task: Task): Record<string, unknown> {
  return {
    id: task.taskId?.value,
    name: task.name,
    framework_id: task.frameworkId?.value,
    executor_id: task.executorId?.value ?? "",
    slave_id: task.agentId?.value,
    state: TaskState[task.state ?? TaskState.TASK_STAGING],
    resources: modelResources(Resources.of(task.resources)),
    role: task.resources[0]?.allocationInfo?.role ?? "*",
    statuses: task.statuses.map(modelStatus),
    ...(task.user === undefined ? {} : { user: task.user }),
    ...modelLabels(task.labels),
    ...modelDiscovery(task.discovery),
    ...(task.container ? { container: modelMessage("mesos.v1.ContainerInfo", task.container) } : {}),
    ...(task.healthCheck ? { health_check: modelMessage("mesos.v1.HealthCheck", task.healthCheck) } : {}),
  };
}

export function modelDiscovery(discovery: DiscoveryInfo | undefined): { discovery?: unknown } {
  return discovery ? { discovery: modelMessage("mesos.v1.DiscoveryInfo", discovery) } : {};
}

/** The process is not shown. */
function modelContainer(container: ContainerStatus): unknown {
  return modelMessage("mesos.v1.ContainerStatus", { ...container, executorPid: undefined });
}

function modelStatus(status: TaskStatus): Record<string, unknown> {
  const container = status.containerStatus;
  return {
    state: TaskState[status.state ?? TaskState.TASK_STAGING],
    timestamp: status.timestamp,
    ...modelLabels(status.labels),
    ...(container ? { container_status: modelContainer(container) } : {}),
    ...(status.healthy === undefined ? {} : { healthy: status.healthy }),
  };
}
