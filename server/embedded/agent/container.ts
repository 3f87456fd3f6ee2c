import {
  type ContainerInfo,
  ContainerInfo_Type,
  Image_Type,
  TaskStatus_Reason as Reason,
} from "../../../gen/mesos/v1/mesos.js";
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

export function launchFailed(why: string): Termination {
  return { reason: Reason.REASON_CONTAINER_LAUNCH_FAILED, message: `Failed to launch container: ${why}` };
}

function unsupported({ mesos, volumes, networkInfos }: ContainerInfo): string | undefined {
  if (mesos?.image) return `Unsupported container image type: ${Image_Type[mesos.image.type ?? Image_Type.DOCKER]}`;
  if (volumes.length > 0) return "Volumes in ContainerInfo is not supported";
  const network = networkInfos.find(({ name }) => name !== undefined);
  return network && `Unknown CNI network '${network.name}'`;
}
