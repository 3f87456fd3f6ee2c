import {
  CommandInfo,
  type ExecutorInfo,
  ExecutorInfo_Type,
  FrameworkInfo,
  FrameworkInfo_Capability_Type,
  type Offer,
  type Offer_Operation,
  Offer_Operation_Type,
  type TaskInfo,
} from "../../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type } from "../../../../gen/mesos/v1/scheduler/scheduler.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../../wire/proto.js";
import type { PartialFramework } from "./example.js";

export const concat = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
export const id = (value: string): Buffer => stringField(1, value);

export const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;
export const multiRole = { capabilities: [{ type: MULTI_ROLE }] };

export function subscribe(info: PartialFramework = {}, ...more: Uint8Array[]): Buffer {
  const framework = FrameworkInfo.fromPartial({ user: "root", name: "validation", failoverTimeout: 0, ...info });
  return concat(lengthDelimited(1, FrameworkInfo.encode(framework).finish()), ...more);
}

/** With fields in the framework that types can't say. */
export function subscribeRaw(inFramework: Uint8Array[], ...more: Uint8Array[]): Buffer {
  const framework = FrameworkInfo.fromPartial({ user: "root", name: "validation", failoverTimeout: 0 });
  return concat(messageField(1, [FrameworkInfo.encode(framework).finish(), ...inFramework]), ...more);
}

export const suppressed = (role: string): Buffer => stringField(2, role);

export function offerFilters(quantities: Record<string, number>): PartialFramework {
  const amounts = Object.fromEntries(Object.entries(quantities).map(([name, value]) => [name, { value }]));
  return { offerFilters: { "*": { minAllocatableResources: { quantities: [{ quantities: amounts }] } } } };
}

export const QUANTITY = 'framework_info.offer_filters["*"].min_allocatable_resources.quantities[0].quantities';

/** Groups of the unknown field 999 within one another. */
export function nestedGroups(depth: number): Buffer {
  const start = Buffer.from([0xbb, 0x3e]);
  const end = Buffer.from([0xbc, 0x3e]);
  return concat(...Array<Buffer>(depth).fill(start), ...Array<Buffer>(depth).fill(end));
}

export type PartialCall = Parameters<typeof Call.fromPartial>[0];
export type PartialOperation = Parameters<typeof Offer_Operation.fromPartial>[0];
export type PartialTask = Parameters<typeof TaskInfo.fromPartial>[0];
export type PartialExecutor = Parameters<typeof ExecutorInfo.fromPartial>[0];
export type PartialResource = NonNullable<PartialTask["resources"]>[number];

export const call = (type: keyof typeof Call_Type, body: PartialCall = {}): Uint8Array =>
  Call.encode(Call.fromPartial({ ...body, type: Call_Type[type] })).finish();

export const bare = (type: number): Buffer => varintField(2, type);

export const refuse = (seconds: number) => ({ refuseSeconds: seconds });

let tasks = 0;

export const scalar = (name: string, value: number): PartialResource => ({ name, type: 0, scalar: { value } });
export const small = [scalar("cpus", 0.1), scalar("mem", 32)];

/** A task id that no other example uses. */
export const newTaskId = (): string => `task-${process.pid}-${++tasks}`;

export const newTask = (offer: Offer, more: PartialTask = {}): PartialTask => ({
  name: "task",
  taskId: { value: newTaskId() },
  agentId: offer.agentId,
  resources: small,
  command: { value: "true" },
  ...more,
});

export const operations = (offer: Offer, ...list: PartialOperation[]): Uint8Array =>
  call("ACCEPT", { accept: { offerIds: offer.id ? [offer.id] : [], operations: list } });

export const launch = (offer: Offer, ...taskInfos: PartialTask[]): Uint8Array =>
  operations(offer, { type: Offer_Operation_Type.LAUNCH, launch: { taskInfos } });

export const customExecutor = (more: PartialExecutor = {}): PartialExecutor => ({
  executorId: { value: `executor-${++tasks}` },
  command: CommandInfo.fromPartial({ value: "sleep 1" }),
  ...more,
});

export const launchExecutor = (offer: Offer, more: PartialExecutor): Uint8Array =>
  launch(offer, newTask(offer, { command: undefined, executor: customExecutor(more) }));

export const groupOperation = (offer: Offer, executor: PartialExecutor, task: PartialTask): PartialOperation => ({
  type: Offer_Operation_Type.LAUNCH_GROUP,
  launchGroup: {
    executor: {
      type: ExecutorInfo_Type.DEFAULT,
      executorId: { value: `group-${++tasks}` },
      frameworkId: offer.frameworkId,
      resources: [...small, scalar("disk", 10)],
      ...executor,
    },
    taskGroup: { tasks: [newTask(offer, task)] },
  },
});

export const launchGroup = (offer: Offer, executor: PartialExecutor = {}, task: PartialTask = {}): Uint8Array =>
  operations(offer, groupOperation(offer, executor, task));

/** An operation in bytes, for those that types can't say. */
export const rawOperation = (offer: Offer, ...parts: Uint8Array[]): Buffer =>
  concat(bare(3), messageField(4, [lengthDelimited(1, id(offer.id?.value ?? "")), messageField(2, parts)]));

export const textResource: PartialResource = { name: "x", type: 3 };

export const updateFramework = (offer: Offer, info: PartialFramework, ...more: Uint8Array[]): Buffer => {
  const body = FrameworkInfo.fromPartial({
    user: "root",
    name: "validation",
    id: offer.frameworkId,
    capabilities: [{ type: PARTITION_AWARE }],
    ...info,
  });
  return concat(bare(17), messageField(19, [lengthDelimited(1, FrameworkInfo.encode(body).finish()), ...more]));
};
