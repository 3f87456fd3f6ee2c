import { isDeepStrictEqual } from "node:util";
import {
  type ContainerInfo,
  ContainerInfo_Type,
  type ExecutorInfo,
  ExecutorInfo_Type,
} from "../../../gen/mesos/v1/mesos.js";
import { invalidId } from "../../names.js";
import { Resources } from "../../resources/resources.js";
import type { Agent, Framework } from "../entities.js";
import { invalidCommand } from "./checks.js";
import { invalidContainer } from "./container.js";
import { invalidInfos } from "./disk.js";
import { prefixed } from "./errors.js";
import { duplicatePersistenceId, mixedAllocation } from "./resources.js";

/** What is wrong with an executor that a framework wants on an agent, or undefined. */
export function invalidExecutor(executor: ExecutorInfo, framework: Framework, agent: Agent): string | undefined {
  const resources = executor.resources;
  return (
    invalidType(executor) ??
    invalidExecutorId(executor) ??
    (Number(executor.shutdownGracePeriod?.nanoseconds ?? 0n) < 0
      ? "ExecutorInfo's 'shutdown_grace_period' must be non-negative"
      : undefined) ??
    prefixed("Executor's `CommandInfo` is invalid: ", executor.command && invalidCommand(executor.command)) ??
    prefixed("Executor's `ContainerInfo` is invalid: ", executor.container && invalidContainer(executor.container)) ??
    invalidFrameworkId(executor, framework) ??
    prefixed("Executor uses invalid resources: ", invalidInfos(resources)) ??
    prefixed("Invalid executor resources: ", mixedAllocation(resources)) ??
    prefixed("Executor uses duplicate persistence ID: ", duplicatePersistenceId(resources)) ??
    incompatible(executor, agent.executor(framework.id, executor.executorId?.value ?? ""))
  );
}

function invalidType(executor: ExecutorInfo): string | undefined {
  switch (executor.type) {
    case ExecutorInfo_Type.DEFAULT:
      if (executor.command) return "'ExecutorInfo.command' must not be set for 'DEFAULT' executor";
      return executor.container && invalidDefaultContainer(executor.container);
    case ExecutorInfo_Type.CUSTOM:
      return executor.command ? undefined : "'ExecutorInfo.command' must be set for 'CUSTOM' executor";
    default:
      return undefined;
  }
}

function invalidDefaultContainer({ type, mesos }: ContainerInfo): string | undefined {
  if (type !== ContainerInfo_Type.MESOS) {
    return "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor";
  }
  return mesos?.image ? "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor" : undefined;
}

function invalidExecutorId(executor: ExecutorInfo): string | undefined {
  return invalidId(executor.executorId?.value ?? "");
}

function invalidFrameworkId(executor: ExecutorInfo, framework: Framework): string | undefined {
  if (!executor.frameworkId) return "'ExecutorInfo.framework_id' must be set";
  const id = executor.frameworkId.value;
  if (id === framework.id) return undefined;
  return `ExecutorInfo has an invalid FrameworkID (Actual: ${id} vs Expected: ${framework.id})`;
}

/** An executor that runs already has to be described the same. */
function incompatible(executor: ExecutorInfo, live: ExecutorInfo | undefined): string | undefined {
  if (!live || sameExecutor(executor, live)) return undefined;
  return (
    "ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID.\n" +
    "------------------------------------------------------------\n" +
    `Existing ExecutorInfo:\n${describe(live)}\n` +
    "------------------------------------------------------------\n" +
    `ExecutorInfo:\n${describe(executor)}\n` +
    "------------------------------------------------------------\n"
  );
}

/** The order of resources and of environment variables does not matter. */
export function sameExecutor(a: ExecutorInfo, b: ExecutorInfo): boolean {
  const [left, right] = [Resources.of(a.resources), Resources.of(b.resources)];
  if (!left.contains(right) || !right.contains(left)) return false;
  return isDeepStrictEqual(comparable(a), comparable(b));
}

function comparable(executor: ExecutorInfo): unknown {
  const variables = [...(executor.command?.environment?.variables ?? [])];
  variables.sort((a, b) => ((a.name ?? "") < (b.name ?? "") ? -1 : 1));
  const command = executor.command && { ...executor.command, environment: { variables } };
  // A decoder may set what is unset to undefined, or leave it out: both are the same.
  return JSON.parse(
    JSON.stringify({ ...executor, resources: [], command }, (key, value) => {
      if (key === "_unknownFields") return undefined;
      return typeof value === "bigint" ? String(value) : value;
    }),
  );
}

function describe(executor: ExecutorInfo): string {
  return JSON.stringify(comparable(executor));
}
