import {
  type ExecutorInfo,
  HealthCheck_Type,
  type Offer_Operation,
  type Resource,
  type TaskInfo,
} from "../../../gen/mesos/v1/mesos.js";
import { upgradeResource } from "../resources/format.js";

/**
 * A framework's operation in the cluster's own form: resources in the format with `reservations`, allocated to the
 * role of the offers they are from where the framework left that out.
 */
export function normalizeOperation(operation: Offer_Operation, role: string, frameworkId: string): Offer_Operation {
  const resources = (list: readonly Resource[]) => list.map((resource) => normalizeResource(resource, role));
  const { launch, launchGroup, reserve, unreserve, create, destroy, growVolume, shrinkVolume } = operation;
  return {
    ...operation,
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
    reserve: reserve && { ...reserve, resources: resources(reserve.resources), source: resources(reserve.source) },
    unreserve: unreserve && { ...unreserve, resources: resources(unreserve.resources) },
    create: create && { ...create, volumes: resources(create.volumes) },
    destroy: destroy && { ...destroy, volumes: resources(destroy.volumes) },
    growVolume: growVolume && {
      ...growVolume,
      volume: growVolume.volume && normalizeResource(growVolume.volume, role),
      addition: growVolume.addition && normalizeResource(growVolume.addition, role),
    },
    shrinkVolume: shrinkVolume && {
      ...shrinkVolume,
      volume: shrinkVolume.volume && normalizeResource(shrinkVolume.volume, role),
    },
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
