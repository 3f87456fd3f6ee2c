/** Scheduler calls at wire level: built by splicing, and read as far as the bridge has to know them. */
import {
  Offer_Operation_LaunchFields,
  Offer_Operation_LaunchGroupFields,
  Offer_OperationFields,
  TaskGroupInfoFields,
  TaskIDFields,
  TaskInfoFields,
} from "../../../gen/mesos/v1/mesos.fields.js";
import { Offer_Operation_Type as OperationType } from "../../../gen/mesos/v1/mesos.js";
import {
  Call_AcceptFields,
  Call_DeclineFields,
  Call_KillFields,
  Call_Reconcile_TaskFields,
  Call_ReconcileFields,
  Call_ReviveFields,
  CallFields,
} from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { Call_Type as CallType } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { eachValue, messageIn, stringFields } from "../../../wire/fields.js";
import {
  LENGTH_DELIMITED,
  lengthDelimited,
  lengthDelimitedSize,
  messageField,
  ProtoReader,
  utf8,
  VARINT,
  varintSize,
  writeLengthDelimitedHead,
  writeVarint,
} from "../../../wire/proto.js";
import { readId } from "./events.js";

export { CallType };

const CALL = CallFields;
/** The field of `Call` that holds the payload, by type. */
const PAYLOAD_FIELDS: readonly number[] = [
  0,
  CALL.subscribe,
  0,
  CALL.accept,
  CALL.decline,
  CALL.revive,
  CALL.kill,
  CALL.shutdown,
  CALL.acknowledge,
  CALL.reconcile,
  CALL.message,
  CALL.request,
  CALL.suppress,
  CALL.acceptInverseOffers,
  CALL.declineInverseOffers,
  CALL.acknowledgeOperationStatus,
  CALL.reconcileOperations,
  CALL.updateFramework,
];

const EMPTY: Uint8Array = new Uint8Array(0);

/** A call, as it goes from whoever makes it to the link: built or read once. */
export interface CallMessage {
  /** `CallType`; 0 if unset. */
  readonly type: number;
  /** The payload of that type; empty where there is none. */
  readonly payload: Uint8Array;
  /** The serialized call, of which a framework id does not count. */
  readonly bytes: Uint8Array;
}

/** A call, and the framework id that it is made with. The two are sent one after the other, so that none is copied to join them. */
export interface OutgoingCall {
  readonly type: number;
  readonly bytes: Uint8Array;
  /** The serialized field. It comes last, and in protobuf the last value of a field counts. */
  readonly frameworkId: Uint8Array;
}

/** Reads a serialized call. @throws WireError */
export function readCall(bytes: Uint8Array): CallMessage {
  let type = 0;
  // Nearly every call has one field beside its type and its framework id.
  let only = 0;
  let several = false;
  let start = 0;
  let end = 0;
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === CALL.type && reader.wireType === VARINT) type = reader.varint();
    else if (reader.wireType === LENGTH_DELIMITED && reader.field !== CALL.frameworkId) {
      several ||= only !== 0;
      only = reader.field;
      start = reader.bytesStart();
      end = reader.position;
    }
  }
  const field = PAYLOAD_FIELDS[type] ?? 0;
  const payload = several ? messageIn(bytes, field) : only === field ? bytes.subarray(start, end) : undefined;
  return { type, payload: payload ?? EMPTY, bytes };
}

/** The name of a call's type, for a log. */
export function callTypeName({ type }: CallMessage): string {
  return CallType[type] ?? String(type);
}

/** The framework id of a serialized call, if it stands first, where writers of protobuf put it; else empty. @throws WireError */
export function readFrameworkId(call: Uint8Array): string {
  const reader = new ProtoReader(call);
  if (!reader.next() || reader.field !== CALL.frameworkId) return "";
  return readId(reader.bytes());
}

/** A call of a type, without a framework id. Its payload is the parts' bytes, one after the other. */
export function buildCall(type: number, payload: readonly Uint8Array[] = []): CallMessage {
  const field = PAYLOAD_FIELDS[type] ?? 0;
  let length = 0;
  for (const part of payload) length += part.length;
  const headSize = varintSize(CALL.type * 8) + varintSize(type);
  const bytes = Buffer.allocUnsafe(headSize + (field === 0 ? 0 : lengthDelimitedSize(field, length)));
  let at = writeVarint(bytes, writeVarint(bytes, 0, CALL.type * 8 + VARINT), type);
  if (field !== 0) at = writeLengthDelimitedHead(bytes, at, field, length);
  const start = at;
  for (const part of payload) {
    bytes.set(part, at);
    at += part.length;
  }
  return { type, payload: bytes.subarray(start), bytes };
}

/** The serialized `framework_id` of calls. */
export function frameworkIdField(frameworkId: string): Buffer {
  return lengthDelimited(CALL.frameworkId, idMessage(frameworkId));
}

/** The last framework id that was asked for: calls of one framework come many in a row. */
let last = { frameworkId: "", field: frameworkIdField("") };

/** The call with the framework id that it is made with. */
export function withFrameworkId({ type, bytes }: CallMessage, frameworkId: string): OutgoingCall {
  if (last.frameworkId !== frameworkId) last = { frameworkId, field: frameworkIdField(frameworkId) };
  return { type, bytes, frameworkId: last.field };
}

/** A serialized id message (`TaskID`, `OfferID`, ...). */
export function idMessage(id: string): Buffer {
  return lengthDelimited(TaskIDFields.value, Buffer.from(id, "utf8"));
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
  const read = (task: Uint8Array) => tasks.push(readTask(task));
  const readGroup = (group: Uint8Array) => eachValue(group, TaskGroupInfoFields.tasks, read);
  eachValue(payload, Call_AcceptFields.operations, (operation) => {
    const type = readOperationType(operation);
    if (type === OperationType.LAUNCH) {
      eachValue(operation, OPERATION.launch, (launch) => eachValue(launch, OPERATION_LAUNCH.taskInfos, read));
    } else if (type === OperationType.LAUNCH_GROUP) {
      eachValue(operation, OPERATION.launchGroup, (launch) => eachValue(launch, LAUNCH_GROUP.taskGroup, readGroup));
    }
  });
  return { offerIds: readIds(payload, Call_AcceptFields.offerIds), tasks };
}

const OPERATION = Offer_OperationFields;
const OPERATION_LAUNCH = Offer_Operation_LaunchFields;
const LAUNCH_GROUP = Offer_Operation_LaunchGroupFields;

/** Of an operation, of which Mesos looks at nothing but the message of its type. 0 if unset. */
export function readOperationType(operation: Uint8Array): number {
  const reader = new ProtoReader(operation);
  while (reader.next()) if (reader.field === OPERATION.type && reader.wireType === VARINT) return reader.varint();
  return 0;
}

function readTask(bytes: Uint8Array): LaunchedTaskView {
  let taskId = "";
  let agentId = "";
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === TaskInfoFields.taskId) taskId = readId(reader.bytes());
    else if (reader.field === TaskInfoFields.agentId) agentId = readId(reader.bytes());
  }
  return { taskId, agentId, bytes };
}

/** The roles of a REVIVE or SUPPRESS payload; empty means all. */
export function readRoles(payload: Uint8Array): string[] {
  const roles: string[] = [];
  eachValue(payload, Call_ReviveFields.roles, (role) => roles.push(utf8(role)));
  return roles;
}

/** A KILL of a task, which an agent may be known to run. @param killPolicy serialized; undefined: as the task says */
export function killCall(taskId: string, agentId: string, killPolicy: Uint8Array | undefined): CallMessage {
  const { taskId: task, agentId: agent, killPolicy: policy } = Call_KillFields;
  return buildCall(CallType.KILL, [
    lengthDelimited(task, idMessage(taskId)),
    ...(agentId === "" ? [] : [lengthDelimited(agent, idMessage(agentId))]),
    ...(killPolicy === undefined ? [] : [lengthDelimited(policy, killPolicy)]),
  ]);
}

/** Task and agent of a KILL payload; "" for what it does not name. @throws WireError */
export function readKill(payload: Uint8Array): { task: string; agent: string } {
  const idIn = (field: number) => readId(messageIn(payload, field) ?? EMPTY);
  return { task: idIn(Call_KillFields.taskId), agent: idIn(Call_KillFields.agentId) };
}

const RECONCILED = Call_Reconcile_TaskFields;

/** A RECONCILE call for tasks, given as serialized ids. */
export function reconcileCall(tasks: Iterable<{ taskIdBytes: Uint8Array; agentIdBytes: Uint8Array }>): CallMessage {
  const fields: Buffer[] = [];
  for (const { taskIdBytes, agentIdBytes } of tasks) {
    const agent = agentIdBytes.length === 0 ? [] : [lengthDelimited(RECONCILED.agentId, agentIdBytes)];
    const task = [lengthDelimited(RECONCILED.taskId, taskIdBytes), ...agent];
    fields.push(messageField(Call_ReconcileFields.tasks, task));
  }
  return buildCall(CallType.RECONCILE, fields);
}

/** Offers declined in one call. */
const BATCH_OFFERS = 1_000;

/** DECLINE calls for offers, in batches; without `refuseSeconds` Mesos's default of 5 s holds. */
export function declineCalls(offerIds: readonly string[]): { call: CallMessage; offerIds: readonly string[] }[] {
  const calls: { call: CallMessage; offerIds: readonly string[] }[] = [];
  for (let at = 0; at < offerIds.length; at += BATCH_OFFERS) {
    const batch = offerIds.slice(at, at + BATCH_OFFERS);
    const ids = batch.map((id) => lengthDelimited(Call_DeclineFields.offerIds, idMessage(id)));
    calls.push({ call: buildCall(CallType.DECLINE, ids), offerIds: batch });
  }
  return calls;
}

export function rolesCall(
  type: typeof CallType.REVIVE | typeof CallType.SUPPRESS,
  roles: readonly string[],
): CallMessage {
  return buildCall(type, [stringFields(Call_ReviveFields.roles, roles)]);
}
