/**
 * What the bridge reads of Mesos's events, at wire level: type, ids, state, uuid. The
 * events themselves are passed on as they came.
 */
import {
  LENGTH_DELIMITED,
  lengthDelimited,
  messageField,
  ProtoReader,
  submessages,
  utf8,
  VARINT,
  varintField,
} from "../../../wire/proto.js";

/** `mesos.v1.scheduler.Event.Type`. */
export const EventType = {
  UNKNOWN: 0,
  SUBSCRIBED: 1,
  OFFERS: 2,
  RESCIND: 3,
  UPDATE: 4,
  MESSAGE: 5,
  FAILURE: 6,
  ERROR: 7,
  HEARTBEAT: 8,
  INVERSE_OFFERS: 9,
  RESCIND_INVERSE_OFFER: 10,
  UPDATE_OPERATION_STATUS: 11,
} as const;

/** The field of `Event` that holds the payload, by type. */
const PAYLOAD_FIELDS = [0, 2, 3, 4, 5, 6, 7, 8, 0, 9, 10, 11] as const;

const EMPTY: Uint8Array = new Uint8Array(0);

export interface EventView {
  /** `EventType`; 0 for an event whose type is unset. */
  readonly type: number;
  /** The payload of that type; empty where there is none. */
  readonly payload: Uint8Array;
}

/** Type and payload of a serialized event. @throws WireError */
export function readEvent(event: Uint8Array): EventView {
  const type = readEventType(event);
  const field = PAYLOAD_FIELDS[type] ?? 0;
  let payload = EMPTY;
  const reader = new ProtoReader(event);
  while (reader.next()) if (reader.field === field && reader.wireType === LENGTH_DELIMITED) payload = reader.bytes();
  return { type, payload };
}

/** `EventType` of a serialized event; 0 if it is unset. @throws WireError */
export function readEventType(event: Uint8Array): number {
  // Every type that Mesos has is below 128 and comes first: two bytes tell it.
  if (event[0] === 0x08 && (event[1] ?? 0x80) < 0x80) return event[1] as number;
  let type = 0;
  const reader = new ProtoReader(event);
  while (reader.next()) if (reader.field === 1 && reader.wireType === VARINT) type = reader.varint();
  return type;
}

/** The text of an id message (`TaskID`, `AgentID`, ...): its field 1. @throws WireError */
export function readId(id: Uint8Array): string {
  let value = "";
  const reader = new ProtoReader(id);
  while (reader.next()) if (reader.field === 1 && reader.wireType === LENGTH_DELIMITED) value = reader.string();
  return value;
}

export interface SubscribedView {
  readonly frameworkId: string;
  readonly heartbeatIntervalMs: number | undefined;
}

export function readSubscribed(payload: Uint8Array): SubscribedView {
  let frameworkId = "";
  let heartbeatIntervalMs: number | undefined;
  const reader = new ProtoReader(payload);
  while (reader.next()) {
    if (reader.field === 1) frameworkId = readId(reader.bytes());
    else if (reader.field === 2) heartbeatIntervalMs = reader.double() * 1000;
  }
  return { frameworkId, heartbeatIntervalMs };
}

export interface OfferView {
  readonly id: string;
  readonly agentId: string;
  /** The serialized `Offer` or `InverseOffer`. */
  readonly bytes: Uint8Array;
}

/** The offers of an OFFERS payload. @throws WireError */
export function readOffers(payload: Uint8Array): OfferView[] {
  return submessages(payload, 1).map((bytes) => readOffer(bytes, 3));
}

/** The inverse offers of an INVERSE_OFFERS payload. @throws WireError */
export function readInverseOffers(payload: Uint8Array): OfferView[] {
  return submessages(payload, 1).map((bytes) => readOffer(bytes, 4));
}

function readOffer(bytes: Uint8Array, agentField: number): OfferView {
  let id = "";
  let agentId = "";
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) id = readId(reader.bytes());
    else if (reader.field === agentField) agentId = readId(reader.bytes());
  }
  return { id, agentId, bytes };
}

/** The offer id of a RESCIND or RESCIND_INVERSE_OFFER payload. */
export function readRescind(payload: Uint8Array): string {
  return readId(submessages(payload, 1)[0] ?? EMPTY);
}

export interface StatusView {
  readonly taskId: string;
  /** `mesos.v1.TaskState`. */
  readonly state: number;
  readonly agentId: string;
  /** Empty when no acknowledgement is owed. */
  readonly uuid: Uint8Array;
  /** The serialized `TaskStatus`. */
  readonly bytes: Uint8Array;
  /** The serialized ids, as they stand in the status. */
  readonly taskIdBytes: Uint8Array;
  readonly agentIdBytes: Uint8Array;
}

/** The status of an UPDATE payload. @throws WireError */
export function readUpdate(payload: Uint8Array): StatusView {
  const bytes = submessages(payload, 1)[0] ?? EMPTY;
  let state = 0;
  let uuid = EMPTY;
  let taskIdBytes = EMPTY;
  let agentIdBytes = EMPTY;
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === 1) taskIdBytes = reader.bytes();
    else if (reader.field === 2) state = reader.varint();
    else if (reader.field === 5) agentIdBytes = reader.bytes();
    else if (reader.field === 11) uuid = reader.bytes();
  }
  return { taskId: readId(taskIdBytes), agentId: readId(agentIdBytes), state, uuid, bytes, taskIdBytes, agentIdBytes };
}

export interface OperationStatusView {
  readonly operationIdBytes: Uint8Array;
  readonly agentIdBytes: Uint8Array;
  readonly resourceProviderIdBytes: Uint8Array;
  /** Empty when no acknowledgement is owed. */
  readonly uuid: Uint8Array;
}

/** The status of an UPDATE_OPERATION_STATUS payload. Its uuid is a message there, and plain bytes in the acknowledgement. */
export function readOperationUpdate(payload: Uint8Array): OperationStatusView {
  let operationIdBytes = EMPTY;
  let agentIdBytes = EMPTY;
  let resourceProviderIdBytes = EMPTY;
  let uuid = EMPTY;
  const reader = new ProtoReader(submessages(payload, 1)[0] ?? EMPTY);
  while (reader.next()) {
    if (reader.field === 1) operationIdBytes = reader.bytes();
    else if (reader.field === 5) uuid = submessages(reader.bytes(), 1)[0] ?? EMPTY;
    else if (reader.field === 6) agentIdBytes = reader.bytes();
    else if (reader.field === 7) resourceProviderIdBytes = reader.bytes();
  }
  return { operationIdBytes, agentIdBytes, resourceProviderIdBytes, uuid };
}

/** The agent id of a FAILURE or MESSAGE payload, empty if there is none. */
export function readAgentOfFailure(payload: Uint8Array): string {
  return readId(submessages(payload, 1)[0] ?? EMPTY);
}

export function readErrorMessage(payload: Uint8Array): string {
  return utf8(submessages(payload, 1)[0] ?? EMPTY);
}

/** A serialized OFFERS event of these offers. */
export function offersEvent(offers: readonly Uint8Array[]): Buffer {
  const payload = messageField(
    3,
    offers.map((offer) => lengthDelimited(1, offer)),
  );
  return Buffer.concat([varintField(1, EventType.OFFERS), payload]);
}

/** A serialized INVERSE_OFFERS event of these inverse offers. */
export function inverseOffersEvent(offers: readonly Uint8Array[]): Buffer {
  const payload = messageField(
    9,
    offers.map((offer) => lengthDelimited(1, offer)),
  );
  return Buffer.concat([varintField(1, EventType.INVERSE_OFFERS), payload]);
}

/** A serialized RESCIND event. */
export function rescindEvent(offerId: string): Buffer {
  const id = lengthDelimited(1, Buffer.from(offerId, "utf8"));
  return Buffer.concat([varintField(1, EventType.RESCIND), lengthDelimited(4, lengthDelimited(1, id))]);
}
