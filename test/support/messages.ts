import {
  FrameworkInfo_Capability_Type,
  Offer_Operation_Type,
  type Resource,
  type TaskInfo,
  Value_Type,
} from "../../gen/mesos/v1/mesos.js";
import type { PartialFrameworkInfo, PartialOperation } from "./scheduler.js";

export type PartialResource = Parameters<typeof Resource.fromPartial>[0];
export type PartialTask = Parameters<typeof TaskInfo.fromPartial>[0];

let count = 0;

/** A name that no other test of this run uses. */
export const unique = (prefix: string): string => `${prefix}-${process.pid}-${++count}`;

/** A framework as schedulers of today make one, changed by `more`. */
export function frameworkInfo(more: PartialFrameworkInfo = {}): PartialFrameworkInfo {
  const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
  return {
    user: "root",
    name: unique("test"),
    roles: ["*"],
    failoverTimeout: 60,
    capabilities: [{ type: MULTI_ROLE }, { type: PARTITION_AWARE }],
    ...more,
  };
}

/** Resources in Mesos's short text form: `cpus:1;mem:32;ports:[31000-31001]`. */
export function resources(text: string, more: PartialResource = {}): PartialResource[] {
  return text.split(";").map((item) => {
    const [name = "", value = ""] = item.split(/:(.*)/);
    const ranges = value.match(/^\[(.*)\]$/)?.[1];
    if (ranges === undefined) return { name, type: Value_Type.SCALAR, scalar: { value: Number(value) }, ...more };
    const range = ranges.split(",").map((part) => {
      const [begin = "", end = begin] = part.split("-");
      return { begin: BigInt(begin), end: BigInt(end) };
    });
    return { name, type: Value_Type.RANGES, ranges: { range }, ...more };
  });
}

/** How much of a scalar resource there is, in all. */
export function scalar(of: readonly Resource[], name: string): number {
  return of.filter((resource) => resource.name === name).reduce((sum, { scalar }) => sum + (scalar?.value ?? 0), 0);
}

/** A small task on an agent, changed by `more`, which has to hold its command or its executor. */
export function task(agentId: PartialTask["agentId"], more: PartialTask): PartialTask {
  return { name: "test", taskId: { value: unique("task") }, agentId, resources: resources("cpus:0.1;mem:32"), ...more };
}

export function launch(...taskInfos: PartialTask[]): PartialOperation {
  return { type: Offer_Operation_Type.LAUNCH, launch: { taskInfos } };
}
