import { FrameworkInfo_Capability_Type as Capability, type FrameworkInfo } from "../../gen/mesos/v1/mesos.js";

export function hasCapability(info: FrameworkInfo, capability: Capability): boolean {
  return info.capabilities.some(({ type }) => type === capability);
}

/** The roles of a framework, whether it can have several or one. */
export function rolesOf(info: FrameworkInfo): string[] {
  return hasCapability(info, Capability.MULTI_ROLE) ? info.roles : [info.role ?? "*"];
}

export function isPartitionAware(info: FrameworkInfo): boolean {
  return hasCapability(info, Capability.PARTITION_AWARE);
}
