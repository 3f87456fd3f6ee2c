import { lengthDelimited, ProtoReader, WireError } from "../../wire/proto.js";
import { buildCall, CallType } from "../mesos/calls.js";
import { type OperationStatusView, readId, type StatusView } from "../mesos/events.js";
import { Queue } from "./queue.js";
import type { SessionEvent } from "./sessionEvent.js";

const TASK_PREFIX = "t";
const OPERATION_PREFIX = "o";
const REMEMBERED_ACKNOWLEDGEMENTS = 20_000;

/** An update that the client has not acknowledged. */
export interface OwedUpdate {
  /** The live event that brought it. */
  readonly event: SessionEvent;
  /** Empty for an operation's update. */
  readonly taskId: string;
  readonly terminal: boolean;
}

/** An `ack_token`, read. */
export interface Acknowledgement {
  /** Tells updates apart: the uuid's bytes. */
  readonly key: string;
  /** The serialized call, without framework id. */
  readonly call: Buffer;
  /** Empty for an operation's update. */
  readonly taskId: string;
}

/** The token of a task's update: everything that Mesos needs to take the acknowledgement. */
export function taskAckToken(status: StatusView): string {
  const payload = Buffer.concat([
    lengthDelimited(1, status.agentIdBytes),
    lengthDelimited(2, status.taskIdBytes),
    lengthDelimited(3, status.uuid),
  ]);
  return TASK_PREFIX + payload.toString("base64url");
}

export function operationAckToken(status: OperationStatusView): string {
  const fields = [lengthDelimited(3, status.uuid), lengthDelimited(4, status.operationIdBytes)];
  if (status.agentIdBytes.length > 0) fields.push(lengthDelimited(1, status.agentIdBytes));
  if (status.resourceProviderIdBytes.length > 0) fields.push(lengthDelimited(2, status.resourceProviderIdBytes));
  return OPERATION_PREFIX + Buffer.concat(fields).toString("base64url");
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

function readTaskToken(payload: Buffer): Acknowledgement | undefined {
  let taskId = "";
  let agent = false;
  let uuid: Uint8Array | undefined;
  const reader = new ProtoReader(payload);
  while (reader.next()) {
    if (reader.field === 1) agent = readId(reader.bytes()) !== "";
    else if (reader.field === 2) taskId = readId(reader.bytes());
    else if (reader.field === 3) uuid = reader.bytes();
  }
  if (uuid?.length !== 16 || taskId === "" || !agent) return undefined;
  return { key: updateKey(uuid), call: buildCall(CallType.ACKNOWLEDGE, [payload]), taskId };
}

function readOperationToken(payload: Buffer): Acknowledgement | undefined {
  let uuid: Uint8Array | undefined;
  let operationId = "";
  const reader = new ProtoReader(payload);
  while (reader.next()) {
    if (reader.field === 3) uuid = reader.bytes();
    else if (reader.field === 4) operationId = readId(reader.bytes());
  }
  if (uuid?.length !== 16 || operationId === "") return undefined;
  return { key: updateKey(uuid), call: buildCall(CallType.ACKNOWLEDGE_OPERATION_STATUS, [payload]), taskId: "" };
}

/** A map's key for an update: its uuid's bytes. */
export function updateKey(uuid: Uint8Array): string {
  return Buffer.from(uuid.buffer, uuid.byteOffset, uuid.length).toString("latin1");
}

/** Updates that wait for the client's acknowledgement, and those that have had it. */
export class OwedUpdates {
  readonly #owed = new Map<string, OwedUpdate>();
  /** Acknowledged ones, the newest, so that a retransmission that crossed is recognized. */
  readonly #acknowledged = new Set<string>();
  readonly #order = new Queue<string>();

  get size(): number {
    return this.#owed.size;
  }

  /** In the order in which they came. */
  values(): IterableIterator<OwedUpdate> {
    return this.#owed.values();
  }

  state(key: string): "new" | "owed" | "acknowledged" {
    if (this.#owed.has(key)) return "owed";
    return this.#acknowledged.has(key) ? "acknowledged" : "new";
  }

  add(key: string, update: OwedUpdate): void {
    this.#owed.set(key, update);
  }

  /** Mesos has taken the acknowledgement. The update that is no longer owed, if it was. */
  acknowledged(key: string): OwedUpdate | undefined {
    const update = this.#owed.get(key);
    this.#owed.delete(key);
    if (!this.#acknowledged.has(key)) this.#remember(key);
    return update;
  }

  clear(): void {
    this.#owed.clear();
  }

  #remember(key: string): void {
    this.#acknowledged.add(key);
    this.#order.push(key);
    if (this.#order.size <= REMEMBERED_ACKNOWLEDGEMENTS) return;
    const oldest = this.#order.shift();
    if (oldest !== undefined) this.#acknowledged.delete(oldest);
  }
}
