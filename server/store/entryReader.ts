import { ProtoReader } from "../../wire/proto.js";
import type { StateEntry, TaskRecord } from "../session/frameworkStore.js";
import { Entry, Framework, State, StateEntryFields, Task, Tasks } from "./entryFields.js";

/** What becomes of the entries of a log. */
export interface EntrySink {
  /** @param record its fields as they stand there, not checked */
  putFramework(record: UncheckedRecord): void;
  removeFramework(frameworkName: string): void;
  putTask(frameworkName: string, task: TaskRecord): void;
  removeTask(frameworkName: string, taskId: string): void;
  /** No key of the framework has got a later version. */
  noteStateVersion(frameworkName: string, version: number): void;
  putState(frameworkName: string, entry: StateEntry): void;
  removeState(frameworkName: string, key: string): void;
}

export type UncheckedRecord = Record<string, unknown> & { frameworkName: string };

/** Reads the entries of one frame. @throws Error if they can't be read */
export function readEntries(payload: Buffer, sink: EntrySink): void {
  const reader = new ProtoReader(payload);
  while (reader.next()) {
    if (reader.field === Entry.putFramework) sink.putFramework(readFramework(reader.message()));
    else if (reader.field === Entry.removeFramework) sink.removeFramework(reader.string());
    else if (reader.field === Entry.putTasks) readTasks(reader.message(), sink);
    else if (reader.field === Entry.removeTasks) readRemovals(reader.message(), sink);
    else if (reader.field === Entry.putState) readState(reader.message(), sink);
    else if (reader.field === Entry.removeState) readStateRemovals(reader.message(), sink);
    else throw unknownField(reader.field);
  }
}

function readFramework(reader: ProtoReader): UncheckedRecord {
  const suppressedRoles: string[] = [];
  const record: UncheckedRecord = { frameworkName: "", suppressedRoles, detachedAtMs: undefined };
  while (reader.next()) {
    if (reader.field === Framework.name) record.frameworkName = reader.string();
    else if (reader.field === Framework.id) record.frameworkId = reader.string();
    // A copy: a view would keep the whole file in memory.
    else if (reader.field === Framework.info) record.frameworkInfo = Buffer.from(reader.bytes());
    else if (reader.field === Framework.suppressedRole) suppressedRoles.push(reader.string());
    else if (reader.field === Framework.offerConstraints) record.offerConstraints = Buffer.from(reader.bytes());
    else if (reader.field === Framework.leaseMs) record.leaseMs = reader.double();
    else if (reader.field === Framework.expiryPolicy) record.expiryPolicy = reader.string();
    else if (reader.field === Framework.open) record.open = reader.double() === 1;
    else if (reader.field === Framework.detachedAtMs) record.detachedAtMs = reader.double();
    else throw unknownField(reader.field);
  }
  return record;
}

function readTasks(reader: ProtoReader, sink: EntrySink): void {
  let frameworkName = "";
  while (reader.next()) {
    if (reader.field === Tasks.frameworkName) frameworkName = reader.string();
    else if (reader.field === Tasks.task) readTask(reader.message(), frameworkName, sink);
    else throw unknownField(reader.field);
  }
}

function readTask(reader: ProtoReader, frameworkName: string, sink: EntrySink): void {
  let taskId = "";
  let agentId = "";
  let cookie: Uint8Array | undefined;
  while (reader.next()) {
    if (reader.field === Task.id) taskId = reader.string();
    else if (reader.field === Task.agentId) agentId = reader.string();
    // A copy: a view would keep the whole file in memory.
    else if (reader.field === Task.cookie) cookie = Buffer.from(reader.bytes());
    else throw unknownField(reader.field);
  }
  sink.putTask(frameworkName, cookie ? { taskId, agentId, cookie } : { taskId, agentId });
}

function readRemovals(reader: ProtoReader, sink: EntrySink): void {
  let frameworkName = "";
  while (reader.next()) {
    if (reader.field === Tasks.frameworkName) frameworkName = reader.string();
    else if (reader.field === Tasks.task) sink.removeTask(frameworkName, reader.string());
    else throw unknownField(reader.field);
  }
}

function readState(reader: ProtoReader, sink: EntrySink): void {
  let frameworkName = "";
  while (reader.next()) {
    if (reader.field === State.frameworkName) frameworkName = reader.string();
    else if (reader.field === State.version) sink.noteStateVersion(frameworkName, reader.varint());
    else if (reader.field === State.entry) sink.putState(frameworkName, readStateEntry(reader.message()));
    else throw unknownField(reader.field);
  }
}

function readStateEntry(reader: ProtoReader): StateEntry {
  let key = "";
  let value = Buffer.alloc(0);
  let version = 0;
  while (reader.next()) {
    if (reader.field === StateEntryFields.key) key = reader.string();
    // A copy: a view would keep the whole file in memory.
    else if (reader.field === StateEntryFields.value) value = Buffer.from(reader.bytes());
    else if (reader.field === StateEntryFields.version) version = reader.varint();
    else throw unknownField(reader.field);
  }
  return { key, value, version };
}

function readStateRemovals(reader: ProtoReader, sink: EntrySink): void {
  let frameworkName = "";
  while (reader.next()) {
    if (reader.field === State.frameworkName) frameworkName = reader.string();
    else if (reader.field === State.version) sink.noteStateVersion(frameworkName, reader.varint());
    else if (reader.field === State.entry) sink.removeState(frameworkName, reader.string());
    else throw unknownField(reader.field);
  }
}

/** To pass over it would be to lose what it says at the next writing. */
function unknownField(field: number): Error {
  return new Error(`it has a field ${field}, which a newer bridge may know`);
}
