import { create, type DescEnum, type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { type ReflectMessage, reflect } from "@bufbuild/protobuf/reflect";
import { type Subject, type SubjectTypes, usersOf } from "./subject.js";

/** What rules are tried on when they are loaded. */
export interface Samples {
  /** Nothing is set, so that all reads as its default, or fails. */
  readonly empty: Subject;
  /** All is set, and each list has one element. */
  readonly full: Subject;
}

/** A text that can be read as a number too. */
const SAMPLE_TEXT = "1";
/** No message of Mesos's contains itself; this is for one that will. */
const MAX_DEPTH = 12;

export function samplesOf(types: SubjectTypes): Samples {
  const none = (type: DescMessage) => reflect(type, create(type));
  const empty = {
    task: none(types.task),
    executor: none(types.executor),
    group: [],
    framework: none(types.framework),
    user: "",
    identity: [],
  };
  const [task, executor, framework] = [filled(types.task), filled(types.executor), filled(types.framework)];
  const [user = ""] = usersOf({ task, executor, framework });
  return { empty, full: { task, executor, group: [task], framework, user, identity: [`token:${SAMPLE_TEXT}`] } };
}

/** A message with all fields set, and so with one member of each oneof. */
function filled(type: DescMessage, depth = 0): ReflectMessage {
  const message = reflect(type, create(type));
  if (depth < MAX_DEPTH) for (const field of type.fields) fill(message, field, depth);
  return message;
}

function fill(message: ReflectMessage, field: DescField, depth: number): void {
  switch (field.fieldKind) {
    case "scalar":
      return message.set(field, scalarSample(field.scalar));
    case "enum":
      return message.set(field, firstOf(field.enum));
    case "message":
      return message.set(field, filled(field.message, depth + 1));
    case "list":
      message.get(field).add(elementSample(field, depth));
      return undefined;
    case "map":
      message.get(field).set(SAMPLE_TEXT, elementSample(field, depth));
      return undefined;
  }
}

function elementSample(field: DescField & { fieldKind: "list" | "map" }, depth: number): unknown {
  if (field.message) return filled(field.message, depth + 1);
  return field.enum ? firstOf(field.enum) : scalarSample(field.scalar);
}

const firstOf = (type: DescEnum) => type.values[0]?.number ?? 0;

function scalarSample(type: ScalarType | undefined): unknown {
  switch (type) {
    case ScalarType.STRING:
      return SAMPLE_TEXT;
    case ScalarType.BYTES:
      return new TextEncoder().encode(SAMPLE_TEXT);
    case ScalarType.BOOL:
      return true;
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return 1n;
    default:
      return 1;
  }
}
