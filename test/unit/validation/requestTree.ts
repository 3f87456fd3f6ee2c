import { type DescField, type DescMessage, type DescService, ScalarType } from "@bufbuild/protobuf";
import { lengthDelimited } from "../../../wire/proto.js";
import { encodeTree, type FieldNode, type MessageNode } from "./messageTree.js";

/** A field that a request reaches, with the fields on the way to it from the request's root; itself is the last. */
export interface FieldPath {
  readonly request: DescMessage;
  readonly steps: readonly DescField[];
}

/** How far down fields are looked for, should messages hold themselves. */
const MAX_STEPS = 12;
/** What is checked of a field depends on where it stands. Ways to a field that end alike are one. */
const TELLING_STEPS = 3;

/** All fields of a service's requests that are `wanted`, at any depth. */
export function reachableFields(service: DescService, wanted: (field: DescField) => boolean): FieldPath[] {
  const found = new Map<string, FieldPath>();
  const visit = (request: DescMessage, type: DescMessage, before: readonly DescField[]) => {
    for (const field of type.fields) {
      const steps = [...before, field];
      const ending = steps.slice(-TELLING_STEPS).map((step) => `${step.parent.typeName}.${step.name}`);
      const key = ending.join(" ");
      if (wanted(field) && !found.has(key)) found.set(key, { request, steps });
      if (field.message && steps.length < MAX_STEPS) visit(request, field.message, steps);
    }
  };
  for (const { input } of service.methods) visit(input, input, []);
  return [...found.values()];
}

export const nameOf = ({ request, steps }: FieldPath): string =>
  [request.typeName, ...steps.map(({ name }) => name)].join(".");

/** The request around serialized values of the last field. All that stands beside the way to them is set, too. */
export function requestAround({ steps }: FieldPath, values: Uint8Array): Uint8Array {
  let bytes = values;
  for (const [i, step] of [...steps.entries()].reverse()) {
    bytes = Buffer.concat([bytes, encodeTree(neighbours(step))]);
    const outer = steps[i - 1];
    if (outer?.fieldKind === "map") bytes = lengthDelimited(2, bytes);
    if (outer) bytes = lengthDelimited(outer.number, bytes);
  }
  return bytes;
}

/** The fields beside a field, so that rules about several fields find them. */
function neighbours(field: DescField): MessageNode {
  const type = field.parent;
  const beside = type.fields.filter((other) => {
    if (other === field) return false;
    return other.oneof === undefined || (other.oneof !== field.oneof && other.oneof.fields[0] === other);
  });
  return { type, fields: beside.map((other) => allKinds(other, field)) };
}

/** Of a list whose messages have a type, one of each type: some rules hold only beside a certain one. */
function allKinds(field: DescField, way: DescField): FieldNode {
  const { message } = field;
  const kind = field.fieldKind === "list" ? message?.fields.find((inner) => inner.enum !== undefined) : undefined;
  if (message && kind?.enum) {
    const others = plain(message, TEXT).fields.filter((inner) => inner.field !== kind);
    const ofKind = (number: number) => ({ type: message, fields: [...others, numberIn(kind, number)] });
    return { field, values: kind.enum.values.map(({ number }) => ({ value: ofKind(number) })) };
  }
  // A call or an operation is of the type whose message lies on the way.
  const named = field.enum?.values.find(({ name }) => name === way.name.toUpperCase());
  return named ? numberIn(field, named.number) : oneValue(field, TEXT);
}

const numberIn = (field: DescField, value: number): FieldNode => ({ field, values: [{ value }] });

/** Stands in serialized elements where they differ. */
const TEXT = "text-0000000";
const DIGITS = 7;

/** Beyond what is required: without these, a message of the type is refused. */
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["mesos.v1.Offer.Operation", ["type"]],
  ["mesos.v1.OfferFilters.ResourceQuantities", ["quantities"]],
  ["mesos.v1.TaskInfo", ["resources", "command"]],
  ["mesos.v1.scheduler.Call", ["type"]],
]);

/** FeatureSet.FieldPresence.LEGACY_REQUIRED. */
const LEGACY_REQUIRED = 3;

/** A message of a type with no more than it needs, and a text in it if it can hold one. */
function plain(type: DescMessage, text: string): MessageNode {
  const needed = NEEDED.get(type.typeName) ?? [];
  const fields = type.fields.filter((field) => field.presence === LEGACY_REQUIRED || needed.includes(field.name));
  const telling = fields.some((field) => field.scalar === ScalarType.STRING || field.message);
  const optional = telling ? undefined : type.fields.find((field) => field.scalar === ScalarType.STRING);
  return { type, fields: [...fields, ...(optional ? [optional] : [])].map((field) => oneValue(field, text)) };
}

function oneValue(field: DescField, text: string): FieldNode {
  const key = field.fieldKind === "map" ? { key: text } : {};
  return { field, values: [{ ...key, value: goodContent(field, text) }] };
}

function goodContent(field: DescField, text: string): FieldNode["values"][number]["value"] {
  if (field.message) return plain(field.message, text);
  if (field.enum) return (field.enum.values.find(({ number }) => number > 0) ?? field.enum.values[0])?.number ?? 0;
  if (field.scalar === ScalarType.STRING) return text;
  if (field.scalar === ScalarType.BYTES) return Buffer.from(text);
  return field.scalar === ScalarType.BOOL ? true : 1;
}

/** One serialized value of a field, as good as another program would send it. */
export function goodValue(field: DescField, text = TEXT): Buffer {
  return Buffer.from(encodeTree({ type: field.parent, fields: [oneValue(field, text)] }));
}

/** Serialized values that are good and differ from each other, if they hold any text. Long ones differ at their ends. */
export function goodValues(field: DescField, count: number, length = 0): Buffer {
  const one = goodValue(field, "x".repeat(Math.max(0, length - TEXT.length)) + TEXT);
  const all = Buffer.alloc(count * one.length, one);
  const places: number[] = [];
  for (let at = one.indexOf(TEXT); at >= 0; at = one.indexOf(TEXT, at + 1)) places.push(at + TEXT.length - DIGITS);
  for (let i = 0; i < count; i++) {
    const digits = String(i).padStart(DIGITS, "0");
    for (const place of places) all.write(digits, i * one.length + place, "latin1");
  }
  return all;
}

/** A serialized value of a field that holds nothing. */
export function emptyValue(field: DescField): Buffer {
  return field.message || field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES
    ? lengthDelimited(field.number, Buffer.alloc(0))
    : goodValue(field);
}
