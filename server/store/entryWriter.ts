import { lengthDelimitedSize, varintSize, writeLengthDelimitedHead, writeVarint } from "../../wire/proto.js";
import type { FrameworkRecord, StateEntry, TaskRecord } from "../session/frameworkStore.js";
import { Entry, Framework, State, StateEntryFields, Task, Tasks } from "./entryFields.js";
import { FRAME_HEAD_BYTES, sealFrame } from "./logFormat.js";

const FIRST_BYTES = 512;

/** Writes entries one after the other, as one frame of a log. */
export class EntryWriter {
  #out = Buffer.allocUnsafe(FIRST_BYTES);
  #at = FRAME_HEAD_BYTES;

  /** Bytes of the entries so far. */
  get size(): number {
    return this.#at - FRAME_HEAD_BYTES;
  }

  /** The frame with all entries. Nothing may be added any more. */
  frame(salt: number): Buffer {
    const frame = this.#out.subarray(0, this.#at);
    sealFrame(frame, salt);
    return frame;
  }

  putFramework(record: Partial<FrameworkRecord> & { readonly frameworkName: string }): void {
    const inner = new EntryWriter();
    inner.#string(Framework.name, record.frameworkName);
    if (record.frameworkId !== undefined) inner.#string(Framework.id, record.frameworkId);
    if (record.frameworkInfo) inner.#bytes(Framework.info, record.frameworkInfo);
    for (const role of record.suppressedRoles ?? []) inner.#string(Framework.suppressedRole, role);
    if (record.offerConstraints) inner.#bytes(Framework.offerConstraints, record.offerConstraints);
    if (record.leaseMs !== undefined) inner.#double(Framework.leaseMs, record.leaseMs);
    if (record.expiryPolicy) inner.#string(Framework.expiryPolicy, record.expiryPolicy);
    if (record.open !== undefined) inner.#double(Framework.open, record.open ? 1 : 0);
    if (record.detachedAtMs !== undefined) inner.#double(Framework.detachedAtMs, record.detachedAtMs);
    this.#nested(Entry.putFramework, inner);
  }

  /** Forgets a framework, its tasks and its state. */
  removeFramework(frameworkName: string): void {
    this.#string(Entry.removeFramework, frameworkName);
  }

  putTasks(frameworkName: string, tasks: Iterable<TaskRecord>): void {
    const inner = new EntryWriter();
    inner.#string(Tasks.frameworkName, frameworkName);
    for (const task of tasks) inner.#task(task);
    this.#nested(Entry.putTasks, inner);
  }

  removeTasks(frameworkName: string, taskIds: Iterable<string>): void {
    const inner = new EntryWriter();
    inner.#string(Tasks.frameworkName, frameworkName);
    for (const taskId of taskIds) inner.#string(Tasks.task, taskId);
    this.#nested(Entry.removeTasks, inner);
  }

  /** @param version the last one that a key of the framework got */
  putState(frameworkName: string, version: number, entries: Iterable<StateEntry>): void {
    const inner = EntryWriter.#state(frameworkName, version);
    for (const entry of entries) {
      const one = new EntryWriter();
      one.#string(StateEntryFields.key, entry.key);
      one.#bytes(StateEntryFields.value, entry.value);
      one.#varint(StateEntryFields.version, entry.version);
      inner.#nested(State.entry, one);
    }
    this.#nested(Entry.putState, inner);
  }

  removeState(frameworkName: string, version: number, keys: Iterable<string>): void {
    const inner = EntryWriter.#state(frameworkName, version);
    for (const key of keys) inner.#string(State.entry, key);
    this.#nested(Entry.removeState, inner);
  }

  static #state(frameworkName: string, version: number): EntryWriter {
    const writer = new EntryWriter();
    writer.#string(State.frameworkName, frameworkName);
    writer.#varint(State.version, version);
    return writer;
  }

  /** Entries that another writer wrote. */
  add(entries: EntryWriter): void {
    this.#reserve(entries.size);
    this.#at += entries.#out.copy(this.#out, this.#at, FRAME_HEAD_BYTES, entries.#at);
  }

  #task({ taskId, agentId, cookie }: TaskRecord): void {
    const idBytes = Buffer.byteLength(taskId);
    const agentBytes = Buffer.byteLength(agentId);
    const cookieBytes = cookie?.length ?? 0;
    let length = lengthDelimitedSize(Task.id, idBytes) + lengthDelimitedSize(Task.agentId, agentBytes);
    if (cookieBytes > 0) length += lengthDelimitedSize(Task.cookie, cookieBytes);
    this.#head(Tasks.task, length);
    this.#text(Task.id, taskId, idBytes);
    this.#text(Task.agentId, agentId, agentBytes);
    if (cookie && cookieBytes > 0) this.#bytes(Task.cookie, cookie);
  }

  #string(field: number, text: string): void {
    this.#text(field, text, Buffer.byteLength(text));
  }

  #text(field: number, text: string, byteLength: number): void {
    this.#head(field, byteLength);
    this.#at += this.#out.write(text, this.#at, "utf8");
  }

  #bytes(field: number, bytes: Uint8Array): void {
    this.#head(field, bytes.length);
    this.#out.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #nested(field: number, inner: EntryWriter): void {
    this.#bytes(field, inner.#out.subarray(FRAME_HEAD_BYTES, inner.#at));
  }

  #double(field: number, value: number): void {
    this.#reserve(varintSize(field * 8) + 8);
    this.#at = this.#out.writeDoubleLE(value, writeVarint(this.#out, this.#at, field * 8 + 1));
  }

  #varint(field: number, value: number): void {
    this.#reserve(varintSize(field * 8) + varintSize(value));
    this.#at = writeVarint(this.#out, writeVarint(this.#out, this.#at, field * 8), value);
  }

  #head(field: number, length: number): void {
    this.#reserve(lengthDelimitedSize(field, length));
    this.#at = writeLengthDelimitedHead(this.#out, this.#at, field, length);
  }

  #reserve(bytes: number): void {
    if (this.#out.length - this.#at >= bytes) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#at + bytes, this.#out.length * 2));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }
}
