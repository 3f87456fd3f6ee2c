import {
  type ExecutorInfo,
  HealthCheck_Type,
  type Offer_Operation,
  type Resource,
  type TaskInfo,
} from "../../gen/mesos/v1/mesos.js";
import { upgradeResource } from "../resources/format.js";

/**
 * A framework's operation in the cluster's own form: resources in the format with `reservations`, allocated to the
 * role of the offers they are from where the framework left that out.
 */
export function normalizeOperation(operation: Offer_Operation, role: string, frameworkId: string): Offer_Operation {
  const { launch, launchGroup } = operation;
  return {
    ...changeResources(operation, (resource) => normalizeResource(resource, role)),
    launch: launch && { ...launch, taskInfos: launch.taskInfos.map((task) => normalizeTask(task, role, frameworkId)) },
    launchGroup: launchGroup && {
      ...launchGroup,
      executor: launchGroup.executor && normalizeExecutor(launchGroup.executor, role),
      taskGroup: launchGroup.taskGroup && {
        ...launchGroup.taskGroup,
        // The group's executor is every task's; its framework id is not filled in, unlike for LAUNCH.
        tasks: launchGroup.taskGroup.tasks.map((task) =>
          normalizeTask({ ...task, executor: task.executor ?? launchGroup.executor }, role, undefined),
        ),
      },
    },
  };
}

/** An operator's operation with its resources in the format with `reservations`. */
export function upgradeOperation(operation: Offer_Operation): Offer_Operation {
  return changeResources(operation, upgradeResource);
}

/** Of a reservation or volume operation. */
function changeResources(operation: Offer_Operation, change: (resource: Resource) => Resource): Offer_Operation {
  const { reserve, unreserve, create, destroy, growVolume, shrinkVolume } = operation;
  return {
    ...operation,
    reserve: reserve && { ...reserve, resources: reserve.resources.map(change), source: reserve.source.map(change) },
    unreserve: unreserve && { ...unreserve, resources: unreserve.resources.map(change) },
    create: create && { ...create, volumes: create.volumes.map(change) },
    destroy: destroy && { ...destroy, volumes: destroy.volumes.map(change) },
    growVolume: growVolume && {
      ...growVolume,
      volume: growVolume.volume && change(growVolume.volume),
      addition: growVolume.addition && change(growVolume.addition),
    },
    shrinkVolume: shrinkVolume && { ...shrinkVolume, volume: shrinkVolume.volume && change(shrinkVolume.volume) },
  };
}

function normalizeResource(resource: Resource, role: string): Resource {
  const upgraded = upgradeResource(resource);
  return { ...upgraded, allocationInfo: upgraded.allocationInfo ?? { role } };
}

function normalizeTask(task: TaskInfo, role: string, frameworkId: string | undefined): TaskInfo {
  const { healthCheck } = task;
  const executor = task.executor && normalizeExecutor(task.executor, role);
  if (executor && !executor.frameworkId && frameworkId !== undefined) executor.frameworkId = { value: frameworkId };
  return {
    ...task,
    resources: task.resources.map((resource) => normalizeResource(resource, role)),
    executor,
    healthCheck: healthCheck && { ...healthCheck, type: healthCheck.type ?? inferredType(healthCheck) },
  };
}

function inferredType(check: NonNullable<TaskInfo["healthCheck"]>): HealthCheck_Type | undefined {
  if (check.command && !check.http) return HealthCheck_Type.COMMAND;
  return check.http && !check.command ? HealthCheck_Type.HTTP : undefined;
}

function normalizeExecutor(executor: ExecutorInfo, role: string): ExecutorInfo {
  return { ...executor, resources: executor.resources.map((resource) => normalizeResource(resource, role)) };
}

/** All resources that an operation names, as the framework sent them. */
export function operationResources(operation: Offer_Operation): Resource[] {
  const tasks = [...(operation.launch?.taskInfos ?? []), ...(operation.launchGroup?.taskGroup?.tasks ?? [])];
  const found = [
    ...tasks.flatMap((task) => [...task.resources, ...(task.executor?.resources ?? [])]),
    ...(operation.launchGroup?.executor?.resources ?? []),
    ...(operation.reserve?.resources ?? []),
    ...(operation.reserve?.source ?? []),
    ...(operation.unreserve?.resources ?? []),
    ...(operation.create?.volumes ?? []),
    ...(operation.destroy?.volumes ?? []),
    operation.growVolume?.volume,
    operation.growVolume?.addition,
    operation.shrinkVolume?.volume,
  ];
  return found.filter((resource) => resource !== undefined);
}
