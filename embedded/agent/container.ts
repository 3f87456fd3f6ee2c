import {
  type CommandInfo,
  type ContainerInfo,
  ContainerInfo_Type,
  Environment_Variable_Type,
  Image_Type,
  TaskStatus_Reason as Reason,
  type TaskInfo,
} from "../../gen/mesos/v1/mesos.js";
import type { Termination } from "./executor.js";

/**
 * Why an agent with the Mesos containerizer, without Docker, image providers and CNI networks, does not start a
 * container; undefined when it does.
 */
export function refuseContainer(container: ContainerInfo | undefined): Termination | undefined {
  if (!container) return undefined;
  if (container.type === ContainerInfo_Type.DOCKER) {
    // No containerizer took it, so nobody knows of it later.
    return { reason: Reason.REASON_EXECUTOR_TERMINATED, message: "Abnormal executor termination: unknown container" };
  }
  const why = unsupported(container);
  return why === undefined ? undefined : launchFailed(why);
}

/** An agent without cgroups can hold no task to a limit. Undefined when none of the tasks has one. */
export function refuseLimits(tasks: readonly TaskInfo[]): Termination | undefined {
  for (const { limits } of tasks) {
    const [kind, isolator] = limits.cpus ? ["CPU", "cgroups/cpu"] : limits.mem ? ["Memory", "cgroups/mem"] : [];
    if (kind === undefined) continue;
    const message = `${kind} limits can only be set on tasks launched in Mesos containers when the agent has loaded the '${isolator}' isolator`;
    return { reason: Reason.REASON_GC_ERROR, message };
  }
  return undefined;
}

/** Why the secrets of a command's environment are not available; undefined if they are. */
export function unresolvedSecret(command: CommandInfo | undefined): Termination | undefined {
  for (const { type, secret } of command?.environment?.variables ?? []) {
    if (type !== Environment_Variable_Type.SECRET || secret?.value) continue;
    const why = secret?.reference ? "Default secret resolver cannot resolve references" : "Secret has no value";
    return launchFailed(`Collect failed: ${why}`);
  }
  return undefined;
}

export function launchFailed(why: string): Termination {
  return { reason: Reason.REASON_CONTAINER_LAUNCH_FAILED, message: `Failed to launch container: ${why}` };
}

function unsupported({ mesos, volumes, networkInfos }: ContainerInfo): string | undefined {
  if (mesos?.image) return `Unsupported container image type: ${Image_Type[mesos.image.type ?? Image_Type.DOCKER]}`;
  if (volumes.length > 0) return "Volumes in ContainerInfo is not supported";
  const network = networkInfos.find(({ name }) => name !== undefined);
  return network && `Unknown CNI network '${network.name}'`;
}
