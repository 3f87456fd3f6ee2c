import { readFileSync } from "node:fs";
import { createFileRegistry, type DescField, fromBinary, ScalarType } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { createValidator, type FieldViolation } from "../../../server/validation/validator.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { at } from "../../support/paths.js";
import { type FieldPath, goodValue, nameOf, reachableFields, requestAround } from "./requestTree.js";

/** What two readers may take for different things is refused: one of them checks a call, the other one acts on it. */

const descriptors = readFileSync(at("gen/descriptors.binpb"));
const validator = createValidator(descriptors);
const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)).getService(
  "mesosbridge.v1.SchedulerService",
);
if (!service) throw new Error("the descriptors lack the service");

const CALL = "mesos.v1.scheduler.Call";
const last = ({ steps }: FieldPath) => steps.at(-1) as DescField;
const isSingular = ({ fieldKind }: DescField) => fieldKind !== "list" && fieldKind !== "map";
const singular = reachableFields(service, isSingular);
const inOneof = singular.filter((path) => (last(path).oneof?.fields.length ?? 0) > 1);
const integers = (scalars: readonly ScalarType[]) =>
  singular.filter((path) => scalars.includes(last(path).scalar as ScalarType));

const validate = (path: FieldPath, ...values: Uint8Array[]) =>
  validator.validate(path.request.typeName, requestAround(path, Buffer.concat(values)));
const about = (violations: readonly FieldViolation[], path: FieldPath, says: string) =>
  violations.filter(({ field, description }) => field.endsWith(last(path).name) && description.includes(says));

/** A field of a varint with that many bytes of `byte` before its last one. */
const rawVarint = (field: number, ...bytes: number[]) =>
  Buffer.concat([varintField(field, 0).subarray(0, -1), Buffer.from(bytes)]);

const TWICE = "is set more than once";

describe("a field that is not repeated", () => {
  test("is found in all requests", () => {
    const names = singular.map(nameOf);
    expect(names).toContain("mesosbridge.v1.CallRequest.call.type");
    expect(names).toContain("mesosbridge.v1.KillTaskRequest.header");
    expect(names).toContain("mesosbridge.v1.SubscribeRequest.framework_info.user");
    expect(names.length).toBeGreaterThan(300);
  });

  test("must come once, wherever it stands", () => {
    for (const path of singular) {
      const value = goodValue(last(path));
      expect(about(validate(path, value), path, TWICE), nameOf(path)).toEqual([]);
      expect(about(validate(path, value, value), path, TWICE), nameOf(path)).toHaveLength(1);
    }
  });

  test("is reported once however often it comes", () => {
    const call = Buffer.concat([varintField(2, 5), Buffer.alloc(20_000, varintField(2, 5))]);
    expect(validator.validate(CALL, call)).toEqual([
      { field: "type", description: "is set more than once: it is not repeated, and must come once" },
    ]);
  });

  test("is named by its path", () => {
    const kill = (...parts: Uint8Array[]) => messageField(2, [varintField(2, 6), messageField(6, parts)]);
    const task = lengthDelimited(1, stringField(1, "task"));
    const fields = (bytes: Uint8Array) =>
      validator.validate("mesosbridge.v1.CallsRequest", bytes).map(({ field }) => field);
    expect(fields(kill(task))).toEqual([]);
    expect(fields(kill(task, task))).toEqual(["call.kill.task_id"]);
    expect(fields(kill(messageField(1, [stringField(1, "a"), stringField(1, "b")])))).toEqual([
      "call.kill.task_id.value",
    ]);
  });

  test("counts too where Mesos does not know a value of it", () => {
    for (const types of [
      [3, 99],
      [99, 3],
    ]) {
      const call = Buffer.concat([...types.map((type) => varintField(2, type)), messageField(4, [])]);
      expect(validator.validate(CALL, call).map(({ field }) => field)).toEqual(["type"]);
    }
  });

  test("may be the key or the value of a map's entry", () => {
    const limit = (...parts: Uint8Array[]) => messageField(15, parts);
    const key = stringField(1, "cpus");
    const value = lengthDelimited(2, Buffer.from([9, 0, 0, 0, 0, 0, 0, 0, 0]));
    const problems = (bytes: Uint8Array) =>
      validator.validate("mesos.v1.TaskInfo", bytes).filter(({ description }) => description.includes(TWICE));
    expect(problems(limit(key, value))).toEqual([]);
    expect(problems(limit(key, key, value)).map(({ field }) => field)).toEqual(['limits["cpus"]']);
    expect(problems(limit(key, value, value)).map(({ field }) => field)).toEqual(['limits["cpus"]']);
  });
});

test("of a oneof one member may be set", () => {
  expect(inOneof.length).toBeGreaterThan(3);
  for (const path of inOneof) {
    const field = last(path);
    for (const rival of field.oneof?.fields ?? []) {
      if (rival === field) continue;
      const violations = validate(path, goodValue(rival), goodValue(field));
      expect(about(violations, path, `beside ${rival.name}`), nameOf(path)).toHaveLength(1);
    }
  }
});

describe("a number", () => {
  const DOES_NOT_FIT = "does not fit its type";
  const enums = singular.filter((path) => last(path).enum !== undefined);
  const shortNumbers = [...enums, ...integers([ScalarType.INT32])];
  const allNumbers = [
    ...shortNumbers,
    ...integers([ScalarType.BOOL, ScalarType.UINT32, ScalarType.INT64, ScalarType.UINT64]),
  ];
  const problems = (path: FieldPath, ...bytes: number[]) =>
    about(validate(path, rawVarint(last(path).number, ...bytes)), path, DOES_NOT_FIT);

  test("of 32 bits has no more, or readers that cut it off see another one", () => {
    expect(enums.length).toBeGreaterThan(10);
    for (const path of [...shortNumbers, ...integers([ScalarType.UINT32])]) {
      // 2^32 + 3, and a bit far beyond.
      expect(problems(path, 0x83, 0x80, 0x80, 0x80, 0x10), nameOf(path)).toHaveLength(1);
      expect(problems(path, 0x83, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01), nameOf(path)).toHaveLength(1);
    }
  });

  test("may be negative where it is signed, as protobuf writes it", () => {
    const minusOne = [...Array<number>(9).fill(0xff), 0x01];
    for (const path of shortNumbers) {
      expect(problems(path, ...minusOne), nameOf(path)).toEqual([]);
      expect(problems(path, 0xff, 0xff, 0xff, 0xff, 0x0f), nameOf(path)).toHaveLength(1);
    }
    for (const path of integers([ScalarType.UINT32])) expect(problems(path, ...minusOne)).toHaveLength(1);
  });

  test("may take more bytes than it needs", () => {
    for (const path of allNumbers) {
      expect(problems(path, 0x81, ...Array<number>(8).fill(0x80), 0x00), nameOf(path)).toEqual([]);
    }
  });

  test("has at most 64 bits", () => {
    for (const path of allNumbers) {
      expect(problems(path, ...Array<number>(9).fill(0x80), 0x02), nameOf(path)).toHaveLength(1);
    }
  });
});

test("of a call whose type is ACCEPT only if it is cut to 32 bits nothing is sent", () => {
  const accept = messageField(4, [messageField(1, [stringField(1, "offer")])]);
  const call = Buffer.concat([rawVarint(2, 0x83, 0x80, 0x80, 0x80, 0x10), accept]);
  expect(validator.validate(CALL, call)[0]?.field).toBe("type");
});
