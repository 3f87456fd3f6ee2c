/** Scheduler calls at wire level: built by splicing, and read as far as the bridge has to know them. */
import { eachValue, messageIn, stringFields } from "../../../wire/fields.js";
import { lengthDelimited, messageField, ProtoReader, utf8, VARINT, varintField } from "../../../wire/proto.js";
import { readId } from "./events.js";

/** `mesos.v1.scheduler.Call.Type`. */
export const CallType = {
  UNKNOWN: 0,
  SUBSCRIBE: 1,
  TEARDOWN: 2,
  ACCEPT: 3,
  DECLINE: 4,
  REVIVE: 5,
  KILL: 6,
  SHUTDOWN: 7,
  ACKNOWLEDGE: 8,
  RECONCILE: 9,
  MESSAGE: 10,
  REQUEST: 11,
  SUPPRESS: 12,
  ACCEPT_INVERSE_OFFERS: 13,
  DECLINE_INVERSE_OFFERS: 14,
  ACKNOWLEDGE_OPERATION_STATUS: 15,
  RECONCILE_OPERATIONS: 16,
  UPDATE_FRAMEWORK: 17,
} as const;

/** The field of `Call` that holds the payload, by type. */
const PAYLOAD_FIELDS = [0, 3, 0, 4, 5, 15, 6, 7, 8, 9, 10, 11, 16, 13, 14, 17, 18, 19] as const;

const FRAMEWORK_ID_FIELD = 1;
const TYPE_FIELD = 2;
const EMPTY: Uint8Array = new Uint8Array(0);

export interface CallView {
  /** `CallType`; 0 if unset. */
  readonly type: number;
  /** The payload of that type; empty where there is none. */
  readonly payload: Uint8Array;
}

/** Type and payload of a serialized call. @throws WireError */
export function readCall(call: Uint8Array): CallView {
  const type = readCallType(call);
  return { type, payload: messageIn(call, PAYLOAD_FIELDS[type] ?? 0) ?? EMPTY };
}

/** The type of a serialized call; 0 if unset. @throws WireError */
export function readCallType(call: Uint8Array): number {
  let type = 0;
  const types = new ProtoReader(call);
  while (types.next()) if (types.field === TYPE_FIELD && types.wireType === VARINT) type = types.varint();
  return type;
}

/** The name of that type, for a log. @throws WireError */
export function callTypeName(call: Uint8Array): string {
  const type = readCallType(call);
  return Object.entries(CallType).find(([, number]) => number === type)?.[0] ?? String(type);
}

/** The framework id of a serialized call, if it stands first, where writers of protobuf put it; else empty. @throws WireError */
export function readFrameworkId(call: Uint8Array): string {
  const reader = new ProtoReader(call);
  if (!reader.next() || reader.field !== FRAMEWORK_ID_FIELD) return "";
  return readId(reader.bytes());
}

/** A serialized call of a type, without a framework id. */
export function buildCall(type: number, payload: readonly Uint8Array[] = []): Buffer {
  const field = PAYLOAD_FIELDS[type] ?? 0;
  const head = varintField(TYPE_FIELD, type);
  return field === 0 ? head : Buffer.concat([head, messageField(field, payload)]);
}

/** The serialized `framework_id` of calls. */
function frameworkIdField(frameworkId: string): Buffer {
  return lengthDelimited(FRAMEWORK_ID_FIELD, idMessage(frameworkId));
}

/** The last framework id that was asked for: calls of one framework come many in a row. */
let last = { frameworkId: "", field: frameworkIdField("") };

/** The call with the framework id set. Appended: in protobuf the last value of a field counts. */
export function withFrameworkId(call: Uint8Array, frameworkId: string): Buffer {
  if (last.frameworkId !== frameworkId) last = { frameworkId, field: frameworkIdField(frameworkId) };
  const out = Buffer.allocUnsafe(call.length + last.field.length);
  out.set(call, 0);
  out.set(last.field, call.length);
  return out;
}

/** A serialized id message (`TaskID`, `OfferID`, ...). */
export function idMessage(id: string): Buffer {
  return lengthDelimited(1, Buffer.from(id, "utf8"));
}

/** The ids of the id messages in a payload's field `field`. */
export function readIds(payload: Uint8Array, field: number): string[] {
  const ids: string[] = [];
  eachValue(payload, field, (id) => ids.push(readId(id)));
  return ids;
}

export interface LaunchedTaskView {
  readonly taskId: string;
  readonly agentId: string;
  /** The serialized `TaskInfo`. */
  readonly bytes: Uint8Array;
}

export interface AcceptView {
  readonly offerIds: readonly string[];
  /** Tasks of its LAUNCH and LAUNCH_GROUP operations. */
  readonly tasks: readonly LaunchedTaskView[];
}

/** Offers and launched tasks of an ACCEPT payload. @throws WireError */
export function readAccept(payload: Uint8Array): AcceptView {
  const tasks: LaunchedTaskView[] = [];
  /** Of a `Launch` or a `TaskGroupInfo`. */
  const readTasks = (list: Uint8Array) => eachValue(list, 1, (task) => tasks.push(readTask(task)));
  eachValue(payload, 2, (operation) => {
    const type = readOperationType(operation);
    if (type === LAUNCH) eachValue(operation, 2, readTasks);
    else if (type === LAUNCH_GROUP) eachValue(operation, 7, (group) => eachValue(group, 2, readTasks));
  });
  return { offerIds: readIds(payload, 1), tasks };
}

/** `mesos.v1.Offer.Operation.Type`: Mesos looks at nothing but the message of the operation's type. */
const LAUNCH = 1;
const LAUNCH_GROUP = 6;

/** 0 if unset. */
function readOperationType(operation: Uint8Array): number {
  const reader = new ProtoReader(operation);
  while (reader.next()) if (reader.field === 1 && reader.wireType === VARINT) return reader.varint();
  return 0;
}

function readTask(bytes: Uint8Array): LaunchedTaskView {
  let taskId = "";
  let agentId = "";
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 2) taskId = readId(reader.bytes());
    else if (reader.field === 3) agentId = readId(reader.bytes());
  }
  return { taskId, agentId, bytes };
}

/** The roles of a REVIVE or SUPPRESS payload; empty means all. */
export function readRoles(payload: Uint8Array): string[] {
  const roles: string[] = [];
  eachValue(payload, 1, (role) => roles.push(utf8(role)));
  return roles;
}

/** A RECONCILE call for tasks, given as serialized ids. */
export function reconcileCall(tasks: Iterable<{ taskIdBytes: Uint8Array; agentIdBytes: Uint8Array }>): Buffer {
  const fields: Buffer[] = [];
  for (const { taskIdBytes, agentIdBytes } of tasks) {
    const agent = agentIdBytes.length === 0 ? [] : [lengthDelimited(2, agentIdBytes)];
    fields.push(messageField(1, [lengthDelimited(1, taskIdBytes), ...agent]));
  }
  return buildCall(CallType.RECONCILE, fields);
}

/** Offers declined in one call. */
const BATCH_OFFERS = 1_000;

/** DECLINE calls for offers, in batches; without `refuseSeconds` Mesos's default of 5 s holds. */
export function declineCalls(offerIds: readonly string[]): { call: Buffer; offerIds: readonly string[] }[] {
  const calls: { call: Buffer; offerIds: readonly string[] }[] = [];
  for (let at = 0; at < offerIds.length; at += BATCH_OFFERS) {
    const batch = offerIds.slice(at, at + BATCH_OFFERS);
    const ids = batch.map((id) => lengthDelimited(1, idMessage(id)));
    calls.push({ call: buildCall(CallType.DECLINE, ids), offerIds: batch });
  }
  return calls;
}

export function rolesCall(type: typeof CallType.REVIVE | typeof CallType.SUPPRESS, roles: readonly string[]): Buffer {
  return buildCall(type, [stringFields(1, roles)]);
}
