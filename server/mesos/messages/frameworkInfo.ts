import { FrameworkInfo_CapabilityFields, FrameworkInfoFields } from "../../../gen/mesos/v1/mesos.fields.js";
import { FrameworkInfo_Capability_Type as CapabilityType } from "../../../gen/mesos/v1/mesos.js";
import { Call_SubscribeFields, Call_UpdateFrameworkFields } from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { eachValue, messageIn, stringFields } from "../../../wire/fields.js";
import {
  doubleField,
  fieldsExcept,
  LENGTH_DELIMITED,
  lengthDelimited,
  ProtoReader,
  stringField,
  utf8,
  VARINT,
  varintField,
} from "../../../wire/proto.js";
import { buildCall, CallType, frameworkIdField, idMessage } from "./calls.js";
import { readId } from "./events.js";

const INFO = FrameworkInfoFields;

/** Fields that are filled in where a client left them unset. */
const DEFAULTED: ReadonlySet<number> = new Set([INFO.name, INFO.failoverTimeout, INFO.checkpoint, INFO.principal]);
const EMPTY = new Uint8Array(0);

/** How long Mesos keeps the tasks of a framework whose bridge is away: a week, in seconds. */
const DEFAULT_FAILOVER_TIMEOUT_SECONDS = 7 * 24 * 3600;

export interface CompletedFrameworkInfo {
  /** Serialized, without `id`. Fields that the bridge does not know are kept. */
  readonly bytes: Buffer;
  /** The id that the client gave. */
  readonly id: string | undefined;
  /** Names of the fields that were filled in. */
  readonly defaultedFields: readonly string[];
}

/**
 * Fills in what a client left unset: the name; `checkpoint` and a `failover_timeout`,
 * because with Mesos's own defaults any break would kill all tasks; the principal that
 * the bridge authenticates as, because Mesos wants them equal. @throws WireError
 */
export function completeFrameworkInfo(
  info: Uint8Array,
  frameworkName: string,
  principal: string | undefined,
): CompletedFrameworkInfo {
  const id = readId(messageIn(info, INFO.id) ?? EMPTY);
  const parts = fieldsExcept(info, INFO.id);
  const present = new Set<number>();
  const reader = new ProtoReader(info);
  // Not of other numbers: some hundred thousand could be chosen so that they are slow in a Set.
  while (reader.next()) if (DEFAULTED.has(reader.field)) present.add(reader.field);
  const defaultedFields: string[] = [];
  const fill = (field: number, name: string, value: Buffer) => {
    if (present.has(field)) return;
    defaultedFields.push(name);
    parts.push(value);
  };
  fill(INFO.name, "name", stringField(INFO.name, frameworkName));
  fill(INFO.checkpoint, "checkpoint", varintField(INFO.checkpoint, 1));
  const failoverTimeout = doubleField(INFO.failoverTimeout, DEFAULT_FAILOVER_TIMEOUT_SECONDS);
  fill(INFO.failoverTimeout, "failover_timeout", failoverTimeout);
  if (principal !== undefined) fill(INFO.principal, "principal", stringField(INFO.principal, principal));
  return { bytes: Buffer.concat(parts), id: id === "" ? undefined : id, defaultedFields };
}

/** The serialized FrameworkInfo with its id. */
export function withId(info: Uint8Array, frameworkId: string): Buffer {
  return Buffer.concat([info, lengthDelimited(INFO.id, idMessage(frameworkId))]);
}

/**
 * A stored FrameworkInfo with the principal that the bridge authenticates as now. Mesos refuses any other, so what was
 * stored by a run with another principal can't be used. Without one to authenticate as, it stays as it is.
 */
export function withPrincipal(info: Uint8Array, principal: string | undefined): Uint8Array {
  // Byte by byte the same if nothing changes: a framework whose bytes change is subscribed anew.
  if (principal === undefined || readPrincipal(info) === principal) return info;
  return Buffer.concat([...fieldsExcept(info, INFO.principal), stringField(INFO.principal, principal)]);
}

/** The principal that a FrameworkInfo names. */
export function readPrincipal(info: Uint8Array): string | undefined {
  let principal: string | undefined;
  const reader = new ProtoReader(info);
  while (reader.seek(INFO.principal)) principal = reader.string();
  return principal;
}

/**
 * The roles that a framework subscribes with, as Mesos has them: with the MULTI_ROLE capability `roles`, which may be none;
 * without it `role`, which is "*" by default.
 */
export function rolesOf(info: Uint8Array): string[] {
  const roles: string[] = [];
  let role = "*";
  let multiRole = false;
  const reader = new ProtoReader(info);
  while (reader.next()) {
    if (reader.wireType !== LENGTH_DELIMITED) continue;
    if (reader.field === INFO.roles) roles.push(reader.string());
    else if (reader.field === INFO.role) role = reader.string();
    else if (reader.field === INFO.capabilities) {
      const start = reader.bytesStart();
      multiRole ||= isMultiRole(info, start, reader.position);
    }
  }
  return multiRole ? roles : [role];
}

/** Whether a serialized capability, bytes `start` to `end` of `buffer`, is MULTI_ROLE. */
export function isMultiRole(buffer: Uint8Array, start: number, end: number): boolean {
  const capability = new ProtoReader(buffer, start, end);
  while (capability.next()) {
    if (capability.field === FrameworkInfo_CapabilityFields.type && capability.wireType === VARINT) {
      return capability.varint() === CapabilityType.MULTI_ROLE;
    }
  }
  return false;
}

export interface SubscribeFields {
  readonly frameworkId: string;
  /** Serialized, without `id`. */
  readonly frameworkInfo: Uint8Array;
  readonly suppressedRoles: readonly string[];
  /** Serialized `OfferConstraints`; empty for none. */
  readonly offerConstraints: Uint8Array;
}

const SUBSCRIBE = Call_SubscribeFields;
const UPDATE = Call_UpdateFrameworkFields;

/** A serialized SUBSCRIBE call. */
export function subscribeCall(fields: SubscribeFields): Buffer {
  const parts = [lengthDelimited(SUBSCRIBE.frameworkInfo, withId(fields.frameworkInfo, fields.frameworkId))];
  parts.push(stringFields(SUBSCRIBE.suppressedRoles, fields.suppressedRoles));
  if (fields.offerConstraints.length > 0)
    parts.push(lengthDelimited(SUBSCRIBE.offerConstraints, fields.offerConstraints));
  return Buffer.concat([frameworkIdField(fields.frameworkId), buildCall(CallType.SUBSCRIBE, parts).bytes]);
}

/** What an UPDATE_FRAMEWORK payload makes of a framework: Mesos replaces all of it. */
export function updatedFields(payload: Uint8Array): Omit<SubscribeFields, "frameworkId"> {
  const frameworkInfo = Buffer.concat(fieldsExcept(messageIn(payload, UPDATE.frameworkInfo) ?? EMPTY, INFO.id));
  const suppressedRoles: string[] = [];
  eachValue(payload, UPDATE.suppressedRoles, (role) => suppressedRoles.push(utf8(role)));
  const offerConstraints = Buffer.from(messageIn(payload, UPDATE.offerConstraints) ?? EMPTY);
  return { frameworkInfo, suppressedRoles, offerConstraints };
}
