import {
  Call_AcknowledgeFields,
  Call_AcknowledgeOperationStatusFields,
} from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { lastValue } from "../../../wire/fields.js";
import { lengthDelimited, WireError } from "../../../wire/proto.js";
import { isUuid } from "../../../wire/uuid.js";
import { buildCall, type CallMessage, CallType } from "./calls.js";
import { type OperationStatusView, readId, type StatusView } from "./events.js";

const TASK = Call_AcknowledgeFields;
const OPERATION = Call_AcknowledgeOperationStatusFields;
const TASK_PREFIX = "t";
const OPERATION_PREFIX = "o";
const EMPTY = new Uint8Array(0);

/** What acknowledges an update: an `ack_token`, or the payload of a call. */
export interface Acknowledgement {
  /** Of the update that it acknowledges. */
  readonly key: string;
  /** Without framework id. */
  readonly call: CallMessage;
}

/**
 * What tells a task's update from all others: its uuid, task and agent. Empty if the update can't be acknowledged,
 * because it has no uuid or none that Mesos takes: such an update has no token either.
 */
export function taskUpdateKey({ uuid, taskId, agentId, taskIdBytes, agentIdBytes }: UpdateIds): string {
  return taskId === "" || agentId === "" ? "" : keyOfUpdate(uuid, [agentIdBytes, taskIdBytes]);
}

/** The same of an operation's update. */
export function operationUpdateKey(status: OperationIds): string {
  const { uuid, operationIdBytes, agentIdBytes, resourceProviderIdBytes } = status;
  if (readId(operationIdBytes) === "") return "";
  return keyOfUpdate(uuid, [operationIdBytes, agentIdBytes, resourceProviderIdBytes]);
}

type UpdateIds = Pick<StatusView, "uuid" | "taskId" | "agentId" | "taskIdBytes" | "agentIdBytes">;
type OperationIds = OperationStatusView;

/** Of the ids only a digest is kept: thousands of keys are. A client that makes two alike harms only itself. */
function keyOfUpdate(uuid: Uint8Array, ids: readonly Uint8Array[]): string {
  if (!isUuid(uuid)) return "";
  const bytes = Buffer.from(uuid.buffer, uuid.byteOffset, uuid.length);
  return bytes.toString("latin1") + digestOf(ids).toString(36);
}

/** 53 bits of the values and their lengths, mixed as cyrb53 does. */
function digestOf(values: readonly Uint8Array[]): number {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (const value of values) {
    high = Math.imul(high ^ value.length, 2654435761);
    low = Math.imul(low ^ value.length, 1597334677);
    for (let at = 0; at < value.length; at++) {
      const byte = value[at] as number;
      high = Math.imul(high ^ byte, 2654435761);
      low = Math.imul(low ^ byte, 1597334677);
    }
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return 4294967296 * (low & 0x1fffff) + (high >>> 0);
}

/** The token of a task's update that has a key: everything that Mesos needs to take the acknowledgement. */
export function taskAckToken(ids: UpdateIds): string {
  return TASK_PREFIX + Buffer.concat(taskPayload(ids)).toString("base64url");
}

export function operationAckToken(ids: OperationIds): string {
  return OPERATION_PREFIX + Buffer.concat(operationPayload(ids)).toString("base64url");
}

/** Acknowledges a task's update that has a key. */
export function taskAcknowledgement(ids: UpdateIds): CallMessage {
  return buildCall(CallType.ACKNOWLEDGE, taskPayload(ids));
}

export function operationAcknowledgement(ids: OperationIds): CallMessage {
  return buildCall(CallType.ACKNOWLEDGE_OPERATION_STATUS, operationPayload(ids));
}

function taskPayload({ uuid, taskIdBytes, agentIdBytes }: UpdateIds): Buffer[] {
  return [
    lengthDelimited(TASK.agentId, agentIdBytes),
    lengthDelimited(TASK.taskId, taskIdBytes),
    lengthDelimited(TASK.uuid, uuid),
  ];
}

function operationPayload({ uuid, operationIdBytes, agentIdBytes, resourceProviderIdBytes }: OperationIds): Buffer[] {
  const fields = [lengthDelimited(OPERATION.uuid, uuid), lengthDelimited(OPERATION.operationId, operationIdBytes)];
  if (agentIdBytes.length > 0) fields.push(lengthDelimited(OPERATION.agentId, agentIdBytes));
  if (resourceProviderIdBytes.length > 0) {
    fields.push(lengthDelimited(OPERATION.resourceProviderId, resourceProviderIdBytes));
  }
  return fields;
}

/** What a token stands for; undefined if the bridge never made such a token. */
export function readAckToken(token: string): Acknowledgement | undefined {
  const prefix = token[0];
  if ((prefix !== TASK_PREFIX && prefix !== OPERATION_PREFIX) || !/^[\w-]+$/.test(token)) return undefined;
  const payload = Buffer.from(token.slice(1), "base64url");
  try {
    return prefix === TASK_PREFIX ? readTaskToken(payload) : readOperationToken(payload);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

/** The call is made of what was read: nothing else that the token may hold is sent. */
function readTaskToken(payload: Buffer): Acknowledgement | undefined {
  const ids = taskIdsIn(payload);
  const key = taskUpdateKey(ids);
  return key === "" ? undefined : { key, call: taskAcknowledgement(ids) };
}

function readOperationToken(payload: Buffer): Acknowledgement | undefined {
  const ids = operationIdsIn(payload);
  const key = operationUpdateKey(ids);
  return key === "" ? undefined : { key, call: operationAcknowledgement(ids) };
}

/** The key of the update that an ACKNOWLEDGE payload acknowledges; empty if Mesos does not take it. @throws WireError */
export function acknowledgedTaskKey(payload: Uint8Array): string {
  return taskUpdateKey(taskIdsIn(payload));
}

/** The same of an ACKNOWLEDGE_OPERATION_STATUS payload. @throws WireError */
export function acknowledgedOperationKey(payload: Uint8Array): string {
  return operationUpdateKey(operationIdsIn(payload));
}

function taskIdsIn(payload: Uint8Array): UpdateIds {
  const agentIdBytes = lastValue(payload, TASK.agentId) ?? EMPTY;
  const taskIdBytes = lastValue(payload, TASK.taskId) ?? EMPTY;
  const uuid = lastValue(payload, TASK.uuid) ?? EMPTY;
  return { uuid, taskIdBytes, agentIdBytes, taskId: readId(taskIdBytes), agentId: readId(agentIdBytes) };
}

function operationIdsIn(payload: Uint8Array): OperationIds {
  return {
    agentIdBytes: lastValue(payload, OPERATION.agentId) ?? EMPTY,
    resourceProviderIdBytes: lastValue(payload, OPERATION.resourceProviderId) ?? EMPTY,
    uuid: lastValue(payload, OPERATION.uuid) ?? EMPTY,
    operationIdBytes: lastValue(payload, OPERATION.operationId) ?? EMPTY,
  };
}
