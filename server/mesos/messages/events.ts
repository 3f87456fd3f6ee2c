/**
 * What the bridge reads of Mesos's events, at wire level: type, ids, state, uuid. The
 * events themselves are passed on as they came.
 */
import {
  InverseOfferFields,
  OfferFields,
  OfferIDFields,
  OperationStatusFields,
  TaskIDFields,
  TaskStatusFields,
  UUIDFields,
} from "../../../gen/mesos/v1/mesos.fields.js";
import {
  Event_ErrorFields,
  Event_FailureFields,
  Event_InverseOffersFields,
  Event_OffersFields,
  Event_RescindFields,
  Event_SubscribedFields,
  Event_UpdateFields,
  Event_UpdateOperationStatusFields,
  EventFields,
} from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { Event_Type as EventType } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import {
  LENGTH_DELIMITED,
  lengthDelimited,
  messageField,
  ProtoReader,
  stringField,
  submessages,
  utf8,
  VARINT,
  varintField,
} from "../../../wire/proto.js";

export { EventType };

const EVENT = EventFields;
/** The field of `Event` that holds the payload, by type. */
const PAYLOAD_FIELDS: readonly number[] = [
  0,
  EVENT.subscribed,
  EVENT.offers,
  EVENT.rescind,
  EVENT.update,
  EVENT.message,
  EVENT.failure,
  EVENT.error,
  0,
  EVENT.inverseOffers,
  EVENT.rescindInverseOffer,
  EVENT.updateOperationStatus,
];

const EMPTY: Uint8Array = new Uint8Array(0);

export interface EventView {
  /** `EventType`; 0 for an event whose type is unset. */
  readonly type: number;
  /** The payload of that type; empty where there is none. */
  readonly payload: Uint8Array;
  /** The serialized event. */
  readonly bytes: Uint8Array;
}

/** Reads a serialized event. @throws WireError */
export function readEvent(bytes: Uint8Array): EventView {
  const type = readEventType(bytes);
  const field = PAYLOAD_FIELDS[type] ?? 0;
  let payload = EMPTY;
  const reader = new ProtoReader(bytes);
  while (reader.next()) if (reader.field === field && reader.wireType === LENGTH_DELIMITED) payload = reader.bytes();
  return { type, payload, bytes };
}

/** The event on bytes of its own, to be kept: the chunk that it came in is not. */
export function ownEvent({ type, payload, bytes }: EventView): EventView {
  const own = Buffer.from(bytes);
  if (payload.length === 0) return { type, payload: EMPTY, bytes: own };
  const start = payload.byteOffset - bytes.byteOffset;
  return { type, payload: own.subarray(start, start + payload.length), bytes: own };
}

/** `EventType` of a serialized event; 0 if it is unset. @throws WireError */
export function readEventType(event: Uint8Array): number {
  // Every type that Mesos has is below 128 and comes first: two bytes tell it.
  if (event[0] === 0x08 && (event[1] ?? 0x80) < 0x80) return event[1] as number;
  let type = 0;
  const reader = new ProtoReader(event);
  while (reader.next()) if (reader.field === EVENT.type && reader.wireType === VARINT) type = reader.varint();
  return type;
}

/** The text of an id message (`TaskID`, `AgentID`, ...): its field 1. @throws WireError */
export function readId(id: Uint8Array): string {
  let value = "";
  const reader = new ProtoReader(id);
  while (reader.seek(TaskIDFields.value)) value = reader.string();
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
    if (reader.field === Event_SubscribedFields.frameworkId) frameworkId = readId(reader.bytes());
    else if (reader.field === Event_SubscribedFields.heartbeatIntervalSeconds) {
      heartbeatIntervalMs = reader.double() * 1000;
    }
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
  return submessages(payload, Event_OffersFields.offers).map((bytes) => readOffer(bytes, OfferFields));
}

/** The inverse offers of an INVERSE_OFFERS payload. @throws WireError */
export function readInverseOffers(payload: Uint8Array): OfferView[] {
  const offers = submessages(payload, Event_InverseOffersFields.inverseOffers);
  return offers.map((bytes) => readOffer(bytes, InverseOfferFields));
}

function readOffer(bytes: Uint8Array, fields: { readonly id: number; readonly agentId: number }): OfferView {
  let id = "";
  let agentId = "";
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === fields.id) id = readId(reader.bytes());
    else if (reader.field === fields.agentId) agentId = readId(reader.bytes());
  }
  return { id, agentId, bytes };
}

/** The offer id of a RESCIND or RESCIND_INVERSE_OFFER payload. */
export function readRescind(payload: Uint8Array): string {
  return readId(submessages(payload, Event_RescindFields.offerId)[0] ?? EMPTY);
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

const STATUS = TaskStatusFields;

/** The status of an UPDATE payload. @throws WireError */
export function readUpdate(payload: Uint8Array): StatusView {
  const bytes = submessages(payload, Event_UpdateFields.status)[0] ?? EMPTY;
  let state = 0;
  let uuid = EMPTY;
  let taskIdBytes = EMPTY;
  let agentIdBytes = EMPTY;
  const reader = new ProtoReader(bytes);
  while (reader.next()) {
    if (reader.field === STATUS.taskId) taskIdBytes = reader.bytes();
    else if (reader.field === STATUS.state) state = reader.varint();
    else if (reader.field === STATUS.agentId) agentIdBytes = reader.bytes();
    else if (reader.field === STATUS.uuid) uuid = reader.bytes();
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

const OPERATION_STATUS = OperationStatusFields;

/** The status of an UPDATE_OPERATION_STATUS payload. Its uuid is a message there, and plain bytes in the acknowledgement. */
export function readOperationUpdate(payload: Uint8Array): OperationStatusView {
  let operationIdBytes = EMPTY;
  let agentIdBytes = EMPTY;
  let resourceProviderIdBytes = EMPTY;
  let uuid = EMPTY;
  const reader = new ProtoReader(submessages(payload, Event_UpdateOperationStatusFields.status)[0] ?? EMPTY);
  while (reader.next()) {
    if (reader.field === OPERATION_STATUS.operationId) operationIdBytes = reader.bytes();
    else if (reader.field === OPERATION_STATUS.uuid) uuid = submessages(reader.bytes(), UUIDFields.value)[0] ?? EMPTY;
    else if (reader.field === OPERATION_STATUS.agentId) agentIdBytes = reader.bytes();
    else if (reader.field === OPERATION_STATUS.resourceProviderId) resourceProviderIdBytes = reader.bytes();
  }
  return { operationIdBytes, agentIdBytes, resourceProviderIdBytes, uuid };
}

/** The agent id of a FAILURE or MESSAGE payload, empty if there is none. */
export function readAgentOfFailure(payload: Uint8Array): string {
  return readId(submessages(payload, Event_FailureFields.agentId)[0] ?? EMPTY);
}

export function readErrorMessage(payload: Uint8Array): string {
  return utf8(submessages(payload, Event_ErrorFields.message)[0] ?? EMPTY);
}

/** A serialized OFFERS event of these offers. */
export function offersEvent(offers: readonly Uint8Array[]): Buffer {
  const fields = offers.map((offer) => lengthDelimited(Event_OffersFields.offers, offer));
  return eventOf(EventType.OFFERS, fields);
}

/** A serialized INVERSE_OFFERS event of these inverse offers. */
export function inverseOffersEvent(offers: readonly Uint8Array[]): Buffer {
  const fields = offers.map((offer) => lengthDelimited(Event_InverseOffersFields.inverseOffers, offer));
  return eventOf(EventType.INVERSE_OFFERS, fields);
}

/** A serialized RESCIND event. */
export function rescindEvent(offerId: string): Buffer {
  const id = stringField(OfferIDFields.value, offerId);
  return eventOf(EventType.RESCIND, [lengthDelimited(Event_RescindFields.offerId, id)]);
}

function eventOf(type: EventType, payload: readonly Uint8Array[]): Buffer {
  return Buffer.concat([varintField(EVENT.type, type), messageField(PAYLOAD_FIELDS[type] ?? 0, payload)]);
}
