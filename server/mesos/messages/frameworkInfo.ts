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
import { buildCall, CallType, idMessage } from "./calls.js";
import { readId } from "./events.js";

/** Fields of `mesos.v1.FrameworkInfo`. */
const NAME = 2;
const ID = 3;
const FAILOVER_TIMEOUT = 4;
const CHECKPOINT = 5;
const ROLE = 6;
const PRINCIPAL = 8;
const ROLES = 12;

/** Fields that are filled in where a client left them unset. */
const DEFAULTED: ReadonlySet<number> = new Set([NAME, FAILOVER_TIMEOUT, CHECKPOINT, PRINCIPAL]);
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
  const id = readId(messageIn(info, ID) ?? EMPTY);
  const parts = fieldsExcept(info, ID);
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
  fill(NAME, "name", stringField(NAME, frameworkName));
  fill(CHECKPOINT, "checkpoint", varintField(CHECKPOINT, 1));
  fill(FAILOVER_TIMEOUT, "failover_timeout", doubleField(FAILOVER_TIMEOUT, DEFAULT_FAILOVER_TIMEOUT_SECONDS));
  if (principal !== undefined) fill(PRINCIPAL, "principal", stringField(PRINCIPAL, principal));
  return { bytes: Buffer.concat(parts), id: id === "" ? undefined : id, defaultedFields };
}

/** The serialized FrameworkInfo with its id. */
export function withId(info: Uint8Array, frameworkId: string): Buffer {
  return Buffer.concat([info, lengthDelimited(ID, idMessage(frameworkId))]);
}

/**
 * A stored FrameworkInfo with the principal that the bridge authenticates as now. Mesos refuses any other, so what was
 * stored by a run with another principal can't be used. Without one to authenticate as, it stays as it is.
 */
export function withPrincipal(info: Uint8Array, principal: string | undefined): Uint8Array {
  // Byte by byte the same if nothing changes: a framework whose bytes change is subscribed anew.
  if (principal === undefined || principalOf(info) === principal) return info;
  return Buffer.concat([...fieldsExcept(info, PRINCIPAL), stringField(PRINCIPAL, principal)]);
}

function principalOf(info: Uint8Array): string | undefined {
  let principal: string | undefined;
  const reader = new ProtoReader(info);
  while (reader.next()) {
    if (reader.field === PRINCIPAL && reader.wireType === LENGTH_DELIMITED) principal = reader.string();
  }
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
    if (reader.field === ROLES) roles.push(reader.string());
    else if (reader.field === ROLE) role = reader.string();
    else if (reader.field === CAPABILITIES) {
      const start = reader.bytesStart();
      multiRole ||= isMultiRole(info, start, reader.position);
    }
  }
  return multiRole ? roles : [role];
}

const CAPABILITIES = 10;
const CAPABILITY_TYPE = 1;
const MULTI_ROLE = 6;

/** Whether a serialized capability, bytes `start` to `end` of `buffer`, is MULTI_ROLE. */
export function isMultiRole(buffer: Uint8Array, start: number, end: number): boolean {
  const capability = new ProtoReader(buffer, start, end);
  while (capability.next()) {
    if (capability.field === CAPABILITY_TYPE && capability.wireType === VARINT) {
      return capability.varint() === MULTI_ROLE;
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

/** A serialized SUBSCRIBE call. */
export function subscribeCall(fields: SubscribeFields): Buffer {
  const parts = [lengthDelimited(1, withId(fields.frameworkInfo, fields.frameworkId))];
  parts.push(stringFields(2, fields.suppressedRoles));
  if (fields.offerConstraints.length > 0) parts.push(lengthDelimited(3, fields.offerConstraints));
  const call = buildCall(CallType.SUBSCRIBE, parts);
  return Buffer.concat([lengthDelimited(1, idMessage(fields.frameworkId)), call]);
}

/** What an UPDATE_FRAMEWORK payload makes of a framework: Mesos replaces all of it. */
export function updatedFields(payload: Uint8Array): Omit<SubscribeFields, "frameworkId"> {
  const frameworkInfo = Buffer.concat(fieldsExcept(messageIn(payload, 1) ?? EMPTY, ID));
  const suppressedRoles: string[] = [];
  eachValue(payload, 2, (role) => suppressedRoles.push(utf8(role)));
  const offerConstraints = Buffer.from(messageIn(payload, 3) ?? EMPTY);
  return { frameworkInfo, suppressedRoles, offerConstraints };
}
