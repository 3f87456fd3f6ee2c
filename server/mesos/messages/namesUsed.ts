import {
  CheckInfo_CommandFields,
  CheckInfoFields,
  CommandInfoFields,
  ExecutorInfoFields,
  FrameworkInfoFields,
  HealthCheckFields,
  Offer_Operation_CreateDiskFields,
  Offer_Operation_CreateFields,
  Offer_Operation_DestroyDiskFields,
  Offer_Operation_DestroyFields,
  Offer_Operation_GrowVolumeFields,
  Offer_Operation_LaunchFields,
  Offer_Operation_LaunchGroupFields,
  Offer_Operation_ReserveFields,
  Offer_Operation_ShrinkVolumeFields,
  Offer_Operation_UnreserveFields,
  Offer_OperationFields,
  RequestFields,
  Resource_AllocationInfoFields,
  Resource_ReservationInfoFields,
  ResourceFields,
  TaskGroupInfoFields,
  TaskInfoFields,
} from "../../../gen/mesos/v1/mesos.fields.js";
import {
  Call_AcceptFields,
  Call_RequestFields,
  Call_ReviveFields,
  Call_UpdateFrameworkFields,
} from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { eachValue } from "../../../wire/fields.js";
import { LENGTH_DELIMITED, ProtoReader, utf8 } from "../../../wire/proto.js";
import { type CallMessage, CallType } from "./calls.js";
import { rolesOf } from "./frameworkInfo.js";

/** Is handed the names that a message uses. One that throws ends the reading. */
export interface NameVisitor {
  /** A role of the framework, or one that a resource is reserved for or allocated to. */
  role(role: string): void;
  /** A user as which something runs. */
  user(user: string): void;
  /** Something runs as the user of the FrameworkInfo. */
  frameworkUser(): void;
  /** The principal of a FrameworkInfo. */
  principal(principal: string): void;
}

const UPDATE = Call_UpdateFrameworkFields;

/** The names that a call uses. Nothing but them is read. @throws WireError */
export function visitCall({ type, payload }: CallMessage, visitor: NameVisitor): void {
  switch (type) {
    case CallType.ACCEPT:
      return eachValue(payload, Call_AcceptFields.operations, (operation) => visit(operation, OPERATION, visitor));
    case CallType.REQUEST:
      return eachValue(payload, Call_RequestFields.requests, (request) => visit(request, REQUEST, visitor));
    case CallType.REVIVE:
    case CallType.SUPPRESS:
      return eachValue(payload, Call_ReviveFields.roles, (role) => visitor.role(utf8(role)));
    case CallType.UPDATE_FRAMEWORK:
      eachValue(payload, UPDATE.frameworkInfo, (info) => visitFramework(info, visitor));
      return eachValue(payload, UPDATE.suppressedRoles, (role) => visitor.role(utf8(role)));
  }
}

const INFO = FrameworkInfoFields;

/** The names of a FrameworkInfo: its user, its principal, and its roles, of which the default one is `*`. @throws WireError */
export function visitFramework(info: Uint8Array, visitor: NameVisitor): void {
  for (const role of rolesOf(info)) visitor.role(role);
  const reader = new ProtoReader(info);
  while (reader.next()) {
    if (reader.wireType !== LENGTH_DELIMITED) continue;
    // Those too that Mesos does not look at: it depends on a capability.
    if (reader.field === INFO.role || reader.field === INFO.roles) visitor.role(reader.string());
    else if (reader.field === INFO.user) visitor.user(reader.string());
    else if (reader.field === INFO.principal) visitor.principal(reader.string());
  }
}

/** The user of a FrameworkInfo, as which everything runs that names no other. */
export function frameworkUserOf(info: Uint8Array): string {
  let user = "";
  const reader = new ProtoReader(info);
  while (reader.seek(INFO.user)) user = reader.string();
  return user;
}

/** What is read of a field that holds a message, or a text. */
type Edge = (reader: ProtoReader, visitor: NameVisitor) => void;
/** By the numbers of the fields. */
type Node = readonly (Edge | undefined)[];

function node(...edges: readonly (readonly [field: number, edge: Edge])[]): Node {
  const fields: (Edge | undefined)[] = [];
  for (const [field, edge] of edges) fields[field] = edge;
  return fields;
}

function visit(message: Uint8Array, fields: Node, visitor: NameVisitor): void {
  walk(new ProtoReader(message), fields, visitor);
}

/** From where the reader is to its end. */
function walk(reader: ProtoReader, fields: Node, visitor: NameVisitor): void {
  while (reader.next()) if (reader.wireType === LENGTH_DELIMITED) fields[reader.field]?.(reader, visitor);
}

/** Goes into the reader's current field, and comes back behind it. */
function into(reader: ProtoReader, read: (reader: ProtoReader) => void): void {
  const start = reader.bytesStart();
  const end = reader.position;
  const outerEnd = reader.end;
  reader.position = start;
  reader.end = end;
  read(reader);
  reader.position = end;
  reader.end = outerEnd;
}

const inside =
  (fields: Node): Edge =>
  (reader, visitor) =>
    into(reader, (within) => walk(within, fields, visitor));

const role: Edge = (reader, visitor) => visitor.role(reader.string());
/** Of a resource in the older format, in which `*` means that it is reserved for nobody. */
const olderRole: Edge = (reader, visitor) => {
  const name = reader.string();
  if (name !== "*") visitor.role(name);
};

const RESERVATION = node([Resource_ReservationInfoFields.role, role]);
const resource = inside(
  node(
    [ResourceFields.role, olderRole],
    [ResourceFields.reservation, inside(RESERVATION)],
    [ResourceFields.reservations, inside(RESERVATION)],
    [ResourceFields.allocationInfo, inside(node([Resource_AllocationInfoFields.role, role]))],
  ),
);

/** A command. True if it names its user. */
function visitCommand(reader: ProtoReader, visitor: NameVisitor): boolean {
  let named = false;
  into(reader, (command) => {
    while (command.next()) {
      if (command.field !== CommandInfoFields.user || command.wireType !== LENGTH_DELIMITED) continue;
      visitor.user(command.string());
      named = true;
    }
  });
  return named;
}

/** A command that runs as its task unless it names another user. */
const checkCommand: Edge = (reader, visitor) => {
  visitCommand(reader, visitor);
};
const check = inside(node([CheckInfoFields.command, inside(node([CheckInfo_CommandFields.command, checkCommand]))]));
const healthCheck = inside(node([HealthCheckFields.command, checkCommand]));

/** Runs as the user of its command, else as the framework's. */
const executor: Edge = (reader, visitor) => {
  let named = false;
  into(reader, (info) => {
    while (info.next()) {
      if (info.wireType !== LENGTH_DELIMITED) continue;
      if (info.field === ExecutorInfoFields.command) named = visitCommand(info, visitor) || named;
      else if (info.field === ExecutorInfoFields.resources) resource(info, visitor);
    }
  });
  if (!named) visitor.frameworkUser();
};

const TASK_PARTS = node(
  [TaskInfoFields.resources, resource],
  [TaskInfoFields.check, check],
  [TaskInfoFields.healthCheck, healthCheck],
);

/** Runs as the user of its command or executor. A task of a group that names none runs as the group's executor. */
function task(ofGroup: boolean): Edge {
  return (reader, visitor) => {
    let named = ofGroup;
    into(reader, (info) => {
      while (info.next()) {
        if (info.wireType !== LENGTH_DELIMITED) continue;
        if (info.field === TaskInfoFields.command) named = visitCommand(info, visitor) || named;
        else if (info.field === TaskInfoFields.executor) {
          executor(info, visitor);
          named = true;
        } else TASK_PARTS[info.field]?.(info, visitor);
      }
    });
    if (!named) visitor.frameworkUser();
  };
}

const GROUP = node([TaskGroupInfoFields.tasks, task(true)]);
const OPERATION_TYPE = Offer_OperationFields;
/** Every operation counts, whatever type is said: Mesos looks at that of the type. */
const OPERATION = node(
  [OPERATION_TYPE.launch, inside(node([Offer_Operation_LaunchFields.taskInfos, task(false)]))],
  [
    OPERATION_TYPE.launchGroup,
    inside(
      node(
        [Offer_Operation_LaunchGroupFields.executor, executor],
        [Offer_Operation_LaunchGroupFields.taskGroup, inside(GROUP)],
      ),
    ),
  ],
  [
    OPERATION_TYPE.reserve,
    inside(node([Offer_Operation_ReserveFields.source, resource], [Offer_Operation_ReserveFields.resources, resource])),
  ],
  [OPERATION_TYPE.unreserve, inside(node([Offer_Operation_UnreserveFields.resources, resource]))],
  [OPERATION_TYPE.create, inside(node([Offer_Operation_CreateFields.volumes, resource]))],
  [OPERATION_TYPE.destroy, inside(node([Offer_Operation_DestroyFields.volumes, resource]))],
  [
    OPERATION_TYPE.growVolume,
    inside(
      node([Offer_Operation_GrowVolumeFields.volume, resource], [Offer_Operation_GrowVolumeFields.addition, resource]),
    ),
  ],
  [OPERATION_TYPE.shrinkVolume, inside(node([Offer_Operation_ShrinkVolumeFields.volume, resource]))],
  [OPERATION_TYPE.createDisk, inside(node([Offer_Operation_CreateDiskFields.source, resource]))],
  [OPERATION_TYPE.destroyDisk, inside(node([Offer_Operation_DestroyDiskFields.source, resource]))],
);
const REQUEST = node([RequestFields.resources, resource]);
