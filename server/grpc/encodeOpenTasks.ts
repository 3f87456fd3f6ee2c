import { OpenTaskFields, OpenTasksFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { lengthDelimitedSize, VARINT, varintSize, writeLengthDelimitedHead, writeVarint } from "../../wire/proto.js";
import type { OpenTask } from "../session/sessionEvent.js";

const FIELDS = OpenTaskFields;
const TAG_UNCONFIRMED = (FIELDS.unconfirmed << 3) | VARINT;
const UNCONFIRMED_BYTES = varintSize(TAG_UNCONFIRMED) + 1;

/** A serialized `OpenTasks`, which holds ids and statuses as Mesos sent them. */
export function encodeOpenTasks(tasks: readonly OpenTask[]): Buffer {
  const sizes = tasks.map(taskSize);
  let total = 0;
  for (const size of sizes) total += lengthDelimitedSize(OpenTasksFields.tasks, size);
  const out = Buffer.allocUnsafe(total);
  let at = 0;
  for (const [i, task] of tasks.entries()) {
    at = writeLengthDelimitedHead(out, at, OpenTasksFields.tasks, sizes[i] as number);
    at = writeTask(out, at, task);
  }
  return out;
}

function taskSize({ taskIdBytes, agentIdBytes, status, cookie, unconfirmed }: OpenTask): number {
  let size = lengthDelimitedSize(FIELDS.taskId, taskIdBytes.length);
  if (agentIdBytes.length > 0) size += lengthDelimitedSize(FIELDS.agentId, agentIdBytes.length);
  if (status) size += lengthDelimitedSize(FIELDS.status, status.length);
  if (cookie.length > 0) size += lengthDelimitedSize(FIELDS.cookie, cookie.length);
  return unconfirmed ? size + UNCONFIRMED_BYTES : size;
}

function writeTask(out: Buffer, start: number, task: OpenTask): number {
  const { taskIdBytes, agentIdBytes, status, cookie, unconfirmed } = task;
  let at = writeBytes(out, start, FIELDS.taskId, taskIdBytes);
  if (agentIdBytes.length > 0) at = writeBytes(out, at, FIELDS.agentId, agentIdBytes);
  if (status) at = writeBytes(out, at, FIELDS.status, status);
  if (cookie.length > 0) at = writeBytes(out, at, FIELDS.cookie, cookie);
  return unconfirmed ? writeVarint(out, writeVarint(out, at, TAG_UNCONFIRMED), 1) : at;
}

function writeBytes(out: Buffer, start: number, field: number, bytes: Uint8Array): number {
  const at = writeLengthDelimitedHead(out, start, field, bytes.length);
  out.set(bytes, at);
  return at + bytes.length;
}
