import { ScalarType } from "@bufbuild/protobuf";
import { LENGTH_DELIMITED, MAX_DEPTH, NestingError, ProtoReader, VARINT, WireError } from "../../wire/reader.js";
import { doubleAt, int32At, int64At, varintFits } from "../../wire/values.js";
import { findValue } from "./fieldValues.js";
import { type FieldEntry, Kind, type MessageTable } from "./messageTable.js";
import { PathStack } from "./path.js";
import type { ElementTest, MessageView, NumberCheck } from "./rule.js";
import { hasNul, isText, NUL_IN_TEXT, unknownEnum } from "./text.js";
import { type FieldViolation, MAX_VIOLATIONS, NO_VIOLATIONS } from "./violations.js";

/** What is kept of each field: where its last value starts and ends, both plus one so that 0 is none, and how many came. */
const STRIDE = 3;
const START = 0;
const END = 1;
const COUNT = 2;

/** Ends a walk that has found enough. */
class Enough extends Error {}
const ENOUGH = new Enough();
const NOTHING = new ProtoReader(new Uint8Array(0));

/**
 * One pass over a message. The fields of each message are read first, and noted in a stack of
 * integers; singular submessages and rules come after, because only then it is known which value of a field counts.
 *
 * A singular field must come once, and of a oneof one member: what readers make of several differs (the last value, the
 * first, the last that they know), and one may check what another does not send. The same goes for numbers that do not
 * fit their type.
 */
export class Walker implements MessageView {
  /** Reads the message that the walk is in. */
  #reader = NOTHING;
  readonly #path = new PathStack();
  #slots = new Int32Array(1024);
  #top = 0;
  #violations: FieldViolation[] = [];
  /** The field being read, for the path of what is malformed. */
  #reading: FieldEntry | undefined;
  #sum = 0;
  #levelsAbove = 0;
  /** The message that rules look at. */
  #table: MessageTable | undefined;
  #base = 0;
  #start = 0;
  #end = 0;

  /**
   * All that is wrong with the message, in the order found. Keeps nothing of `bytes`.
   *
   * @param levelsAbove how many levels deeper the message's fields will lie in what Mesos is sent
   */
  walk(table: MessageTable, bytes: Uint8Array, levelsAbove = 0): readonly FieldViolation[] {
    this.#path.reset();
    this.#levelsAbove = levelsAbove;
    this.#top = 0;
    this.#sum = 0;
    this.#reading = undefined;
    this.#reader = new ProtoReader(bytes);
    try {
      this.#message(table, bytes.length);
    } catch (error) {
      this.#stopped(error);
    }
    this.#reader = NOTHING;
    this.#path.reset();
    if (this.#violations.length === 0) return NO_VIOLATIONS;
    const found = this.#violations;
    this.#violations = [];
    return found;
  }

  #stopped(error: unknown): void {
    if (error instanceof Enough) this.#violations.push({ field: "", description: "and more" });
    else if (error instanceof WireError) {
      const description =
        error instanceof NestingError
          ? `is nested more than ${MAX_DEPTH} levels deep`
          : `is malformed: ${error.message}`;
      this.#violations.push({ field: this.#path.to(this.#reading), description });
    } else throw error;
  }

  /** How deep the message lies in what Mesos is sent. */
  get #depth(): number {
    return this.#path.depth + this.#levelsAbove;
  }

  /** The message from the reader's position to `end`. The reader ends up there, in the message around it. */
  #message(table: MessageTable, end: number): void {
    const reader = this.#reader;
    const start = reader.position;
    const outerEnd = reader.end;
    const base = this.#open(table);
    reader.end = end;
    this.#reading = undefined;
    while (reader.next()) {
      const field = table.find(reader.field);
      if (field === undefined) reader.skip(this.#depth);
      else this.#field(field, base);
      this.#reading = undefined;
    }
    for (const field of table.settled) this.#settle(field, base);
    if (table.checks.length > 0) this.#check(table, base, start, end);
    this.#top = base;
    reader.position = end;
    reader.end = outerEnd;
  }

  #open(table: MessageTable): number {
    const base = this.#top;
    this.#top = base + table.fields.length * STRIDE;
    if (this.#top > this.#slots.length) {
      const grown = new Int32Array(this.#top * 2);
      grown.set(this.#slots);
      this.#slots = grown;
    }
    // Few at a time: a loop is faster than fill().
    const slots = this.#slots;
    for (let i = base; i < this.#top; i++) slots[i] = 0;
    return base;
  }

  #field(field: FieldEntry, base: number): void {
    const reader = this.#reader;
    this.#reading = field;
    if (reader.wireType !== field.wireType) {
      this.#otherWireType(field, base);
      return;
    }
    if (reader.wireType !== LENGTH_DELIMITED) {
      this.#number(field, base);
      return;
    }
    const start = reader.bytesStart();
    const end = reader.position;
    if (field.repeated) this.#element(field, start, end, this.#slots[base + field.slot * STRIDE + COUNT] as number);
    else if (field.kind === Kind.string) this.#text(field, start, end, -1);
    this.#note(field, base, start, end);
  }

  #number(field: FieldEntry, base: number): void {
    const reader = this.#reader;
    const start = reader.position;
    if (field.wireType !== VARINT) {
      reader.skip();
      this.#note(field, base, start, reader.position);
      return;
    }
    const value = reader.int32();
    this.#expectFit(field, start);
    // A number that the enum does not have leaves the field unset: Mesos keeps it among the unknown fields.
    if (field.closed && !field.enumNumbers?.has(value)) this.#noteUnknown(field, base, start);
    else this.#note(field, base, start, reader.position);
  }

  /** The number from `start` to where the reader is. */
  #expectFit(field: FieldEntry, start: number, { buffer, position } = this.#reader): void {
    // Four bytes hold 28 bits, which fit every type.
    if (position - start <= 4 || varintFits(buffer, start, position, field.varintBits)) return;
    const { bits } = field.varintBits;
    this.#add(this.#path.to(field), `has a number that does not fit its type: it has more than ${bits} bits`);
  }

  #note(field: FieldEntry, base: number, start: number, end: number): void {
    const slots = this.#slots;
    const slot = base + field.slot * STRIDE;
    slots[slot + START] = start + 1;
    slots[slot + END] = end + 1;
    this.#countOne(field, base);
  }

  /** Only the end is noted: that the field has a number, and where, but no value. */
  #noteUnknown(field: FieldEntry, base: number, start: number): void {
    const slot = base + field.slot * STRIDE;
    if (this.#slots[slot + START] === 0) this.#slots[slot + END] = start + 1;
    if (!field.repeated) this.#countOne(field, base);
  }

  #countOne(field: FieldEntry, base: number): void {
    const slot = base + field.slot * STRIDE + COUNT;
    const count = (this.#slots[slot] as number) + 1;
    this.#slots[slot] = count;
    if (count === 1) {
      if (field.rivals.length > 0) this.#expectNoRival(field, base);
    } else if (count === 2 && !field.repeated) {
      this.#add(this.#path.to(field), "is set more than once: it is not repeated, and must come once");
    }
  }

  #expectNoRival(field: FieldEntry, base: number): void {
    for (const rival of field.rivals) {
      if (this.#slots[base + rival.slot * STRIDE + COUNT] === 0) continue;
      this.#add(this.#path.to(field), `must not be set beside ${rival.name}: they are members of one oneof`);
      return;
    }
  }

  #element(field: FieldEntry, start: number, end: number, index: number): void {
    if (field.kind === Kind.message) {
      this.#descend(field, start, end, index);
      return;
    }
    if (field.kind === Kind.string) this.#text(field, start, end, index);
    const problem = field.bytesCheck?.(this.#reader.buffer, start, end);
    if (problem !== undefined) this.#add(this.#path.to(field, index), problem);
  }

  #text(field: FieldEntry, start: number, end: number, index: number): void {
    const { buffer } = this.#reader;
    if (!isText(buffer, start, end)) this.#add(this.#path.to(field, index), "is not valid UTF-8");
    // A check of its own knows what may be in the text, and says it.
    else if (field.bytesCheck === undefined && hasNul(buffer, start, end)) {
      this.#add(this.#path.to(field, index), NUL_IN_TEXT);
    }
  }

  #otherWireType(field: FieldEntry, base: number): void {
    const { wireType } = this.#reader;
    if (field.packable && wireType === LENGTH_DELIMITED) {
      this.#packed(field, base);
      return;
    }
    this.#reader.skip(this.#depth);
    this.#add(this.#path.to(field), `has wire type ${wireType}, and must have ${field.wireType}: it is another type`);
  }

  #packed(field: FieldEntry, base: number): void {
    const count = base + field.slot * STRIDE + COUNT;
    const values = this.#reader.message();
    while (values.nextPacked(field.wireType)) {
      const start = values.position;
      values.skip();
      if (field.wireType === VARINT) this.#expectFit(field, start, values);
      this.#slots[count] = (this.#slots[count] as number) + 1;
    }
  }

  #descend(field: FieldEntry, start: number, end: number, index: number): void {
    const table = field.table?.();
    if (table === undefined) return;
    if (this.#depth >= MAX_DEPTH) throw new NestingError();
    this.#path.push(field, index, this.#reader.buffer, start, end);
    this.#reader.position = start;
    this.#message(table, end);
    this.#path.pop();
  }

  #settle(field: FieldEntry, base: number): void {
    const slot = base + field.slot * STRIDE;
    const valueStart = (this.#slots[slot + START] as number) - 1;
    const valueEnd = (this.#slots[slot + END] as number) - 1;
    const count = this.#slots[slot + COUNT] as number;
    if (field.repeated) this.#report(field, field.countCheck?.(count));
    // Which one is meant is not known, so that nothing more can be said.
    else if (count > 1) return;
    else if (valueStart < 0) this.#absent(field, valueEnd);
    else if (field.kind === Kind.message) this.#descend(field, valueStart, valueEnd, -1);
    else if (field.kind === Kind.string || field.kind === Kind.bytes) {
      this.#report(field, field.bytesCheck?.(this.#reader.buffer, valueStart, valueEnd));
    } else if (field.numberCheck) this.#checkNumber(field, field.numberCheck, this.#numberAt(field, valueStart));
  }

  #checkNumber(field: FieldEntry, check: NumberCheck, value: number): void {
    const problem = check(value);
    if (problem !== undefined) this.#report(field, problem);
    else if (field.summed) this.#sum += value;
  }

  #absent(field: FieldEntry, unknownAt: number): void {
    if (!field.required) return;
    const { buffer } = this.#reader;
    this.#report(field, unknownAt < 0 ? "is required" : unknownEnum(int32At(buffer, unknownAt), field.enumNames));
  }

  #numberAt(field: FieldEntry, at: number): number {
    const { buffer } = this.#reader;
    if (field.scalar === ScalarType.DOUBLE) return doubleAt(buffer, at);
    return field.scalar === ScalarType.INT64 ? int64At(buffer, at) : int32At(buffer, at);
  }

  #check(table: MessageTable, base: number, start: number, end: number): void {
    this.#table = table;
    this.#base = base;
    this.#start = start;
    this.#end = end;
    for (const check of table.checks) check(this);
  }

  has(slot: number): boolean {
    return this.#slots[this.#base + slot * STRIDE + START] !== 0;
  }

  count(slot: number): number {
    return this.#slots[this.#base + slot * STRIDE + COUNT] as number;
  }

  enumNumber(slot: number): number | undefined {
    const start = this.#slots[this.#base + slot * STRIDE + START] as number;
    return start === 0 ? undefined : int32At(this.#reader.buffer, start - 1);
  }

  hasUnknownEnum(slot: number): boolean {
    return !this.has(slot) && this.#slots[this.#base + slot * STRIDE + END] !== 0;
  }

  bytes(slot: number): Uint8Array | undefined {
    if (!this.has(slot)) return undefined;
    const at = this.#base + slot * STRIDE;
    return this.#reader.buffer.subarray((this.#slots[at + START] as number) - 1, (this.#slots[at + END] as number) - 1);
  }

  find(slot: number, test: ElementTest): Uint8Array | undefined {
    const field = this.#table?.fields[slot];
    if (field === undefined) return undefined;
    return findValue(new ProtoReader(this.#reader.buffer, this.#start, this.#end), field.number, test);
  }

  takeSum(): number {
    const sum = this.#sum;
    this.#sum = 0;
    return sum;
  }

  report(slot: number | undefined, description: string): void {
    this.#report(slot === undefined ? undefined : this.#table?.fields[slot], description);
  }

  #report(field: FieldEntry | undefined, description: string | undefined): void {
    if (description !== undefined) this.#add(this.#path.to(field), description);
  }

  #add(field: string, description: string): void {
    if (this.#violations.length === MAX_VIOLATIONS) throw ENOUGH;
    this.#violations.push({ field, description });
  }
}
