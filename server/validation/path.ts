import { ProtoReader } from "../../wire/proto.js";
import type { FieldEntry } from "./messageTable.js";
import { quoted } from "./text.js";

const KEY_FIELD = 1;

interface Step {
  field: FieldEntry | undefined;
  /** Of an element; -1 for a singular field. */
  index: number;
  buffer: Uint8Array | undefined;
  start: number;
  end: number;
}

/** Where a walk is. Steps are used again and again, and become text only where something is wrong. */
export class PathStack {
  depth = 0;
  readonly #steps: Step[] = [];

  reset(): void {
    for (const step of this.#steps) step.buffer = undefined;
    this.depth = 0;
  }

  push(field: FieldEntry, index: number, buffer: Uint8Array, start: number, end: number): void {
    let step = this.#steps[this.depth++];
    if (step === undefined) {
      step = { field, index, buffer: undefined, start, end };
      this.#steps.push(step);
    }
    step.field = field;
    step.index = index;
    step.buffer = field.map ? buffer : undefined;
    step.start = start;
    step.end = end;
  }

  pop(): void {
    this.depth--;
  }

  /** The path of a field of the message that the walk is in, or, without a field, of the message itself. */
  to(field: FieldEntry | undefined, index = -1): string {
    let path = "";
    for (let i = 0; i < this.depth; i++) {
      const step = this.#steps[i];
      if (step?.field !== undefined) path = join(path, step.field, position(step));
    }
    return field === undefined ? path : join(path, field, index < 0 ? "" : `[${index}]`);
  }
}

function join(path: string, field: FieldEntry, position: string): string {
  if (field.name === "") return path;
  return `${path}${path === "" ? "" : "."}${field.name}${position}`;
}

function position(step: Step): string {
  if (step.buffer !== undefined) return `[${mapKey(step.buffer.subarray(step.start, step.end))}]`;
  return step.index < 0 ? "" : `[${step.index}]`;
}

/** The key of a map's entry, as it is written in a path. Keys are short, and may be broken as all else. */
function mapKey(entry: Uint8Array): string {
  let key = '""';
  try {
    const reader = new ProtoReader(entry);
    while (reader.next()) {
      if (reader.field !== KEY_FIELD) continue;
      key = reader.wireType === 0 ? String(reader.varint()) : quoted(reader.bytes());
    }
  } catch {
    return key;
  }
  return key;
}
