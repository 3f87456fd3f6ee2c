import { readFileSync } from "node:fs";
import { createFileRegistry, type DescField, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test, vi } from "vitest";
import { createValidator } from "../../../server/validation/validator.js";
import { lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { expectLinear, GROWTH_TIMEOUT_MS } from "../../support/growth.js";
import { at } from "../../support/paths.js";
import {
  emptyValue,
  type FieldPath,
  goodValue,
  goodValues,
  nameOf,
  reachableFields,
  requestAround,
} from "./requestTree.js";

vi.setConfig({ testTimeout: GROWTH_TIMEOUT_MS });

const descriptors = readFileSync(at("gen/descriptors.binpb"));
const validator = createValidator(descriptors);
const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors)).getService(
  "mesosbridge.v1.SchedulerService",
);
if (!service) throw new Error("the descriptors lack the service");

const repeated = reachableFields(service, ({ fieldKind }) => fieldKind === "list" || fieldKind === "map");
const messages = reachableFields(service, ({ fieldKind }) => fieldKind === "message");

/** Many enough to tell, few enough for several hundred fields. */
const ELEMENTS = 1_500;
const PARTS = 1_000;
/** Texts that V8 would hash by their length alone, and how many of them. */

const LONG = 17_000;
const LONG_ELEMENTS = 60;

const validate = (path: FieldPath, values: Uint8Array) => {
  const request = requestAround(path, values);
  return () => validator.validate(path.request.typeName, request);
};

const expectLinearIn = (path: FieldPath, values: (field: DescField, count: number) => Uint8Array, size = ELEMENTS) => {
  const field = path.steps.at(-1) as DescField;
  expectLinear(nameOf(path), size, (count) => validate(path, values(field, count)));
};

const same = (value: Buffer, count: number) => Buffer.alloc(count * value.length, value);

test("the descriptors tell of requests", () => {
  expect(repeated.map(nameOf)).toContain("mesosbridge.v1.SubscribeRequest.framework_info.roles");
  expect(repeated.map(nameOf)).toContain("mesosbridge.v1.CallRequest.call.decline.offer_ids");
  expect(messages.map(nameOf)).toContain("mesosbridge.v1.CallsRequest.header");
});

describe("a repeated field takes time by its number of elements", () => {
  test("that are good, and are all looked at", () => {
    for (const path of repeated) {
      const all = validate(path, goodValues(path.steps.at(-1) as DescField, 100))();
      expect(
        all.map(({ description }) => description),
        nameOf(path),
      ).not.toContain("and more");
      expectLinearIn(path, goodValues);
    }
  });

  test("that are good and so long that V8 hashes them by their length alone", () => {
    const ofOneText = repeated.filter(({ steps }) => goodValues(steps.at(-1) as DescField, 1, LONG).length < 2 * LONG);
    for (const path of ofOneText) expectLinearIn(path, (field, count) => goodValues(field, count, LONG), LONG_ELEMENTS);
  });

  test("that are the same", () => {
    for (const path of repeated) expectLinearIn(path, (field, count) => same(goodValue(field), count));
  });

  test("that are empty", () => {
    for (const path of repeated) expectLinearIn(path, (field, count) => same(emptyValue(field), count));
  });
});

describe("a message that comes in parts takes time by its number of parts", () => {
  test("that are good", () => {
    for (const path of messages) expectLinearIn(path, (field, count) => same(goodValue(field), count), PARTS);
  });

  test("that are empty", () => {
    for (const path of messages) expectLinearIn(path, (field, count) => same(emptyValue(field), count), PARTS);
  });
});

describe("a Subscribe of 90,000 roles", () => {
  const ROLES = 90_000;
  const SUBSCRIBE = "mesosbridge.v1.SubscribeRequest";
  const multiRole = lengthDelimited(10, varintField(1, 6));
  const roles = (count: number) => Array.from({ length: count }, (_, i) => stringField(12, `role-${i}`));
  const framework = (own: readonly Uint8Array[]) => messageField(2, [stringField(1, "user"), multiRole, ...own]);
  const suppressed = (count: number) => Array.from({ length: count }, (_, i) => stringField(6, `role-${i}`));
  const violations = (request: Uint8Array) => validator.validate(SUBSCRIBE, request);

  test("is checked in linear time", () => {
    expect(violations(framework(roles(ROLES)))).toEqual([]);
    expectLinear("roles", ROLES / 4, (count) => {
      const request = framework(roles(count));
      return () => violations(request);
    });
  });

  test("may hold none twice", () => {
    for (const twice of [0, ROLES / 2, ROLES - 1]) {
      expect(violations(framework([...roles(ROLES), stringField(12, `role-${twice}`)]))).toEqual([
        {
          field: "framework_info.roles",
          description: `must not have the same role twice: "role-${twice}"`,
        },
      ]);
    }
  });

  test("may suppress all of them, in linear time", () => {
    const request = (count: number) => Buffer.concat([framework(roles(count)), ...suppressed(count)]);
    expect(violations(request(ROLES))).toEqual([]);
    expectLinear("suppressed_roles", ROLES / 4, (count) => {
      const bytes = request(count);
      return () => violations(bytes);
    });
  });

  test("may suppress no other", () => {
    const foreign = stringField(6, "foreign");
    expect(violations(Buffer.concat([framework(roles(ROLES)), ...suppressed(ROLES), foreign]))).toEqual([
      { field: "suppressed_roles", description: 'must be roles of the framework; "foreign" is not' },
    ]);
  });

  test("tells long roles apart by their last byte", () => {
    const long = (i: number) => "r".repeat(LONG) + i;
    const own = (...numbers: number[]) => framework(numbers.map((i) => stringField(12, long(i))));
    expect(violations(Buffer.concat([own(1, 2, 3), stringField(6, long(3))]))).toEqual([]);
    const shown = `"${"r".repeat(64)}…"`;
    expect(violations(own(1, 2, 1))).toEqual([
      { field: "framework_info.roles", description: `must not have the same role twice: ${shown}` },
    ]);
    expect(violations(Buffer.concat([own(1, 2), stringField(6, long(3))]))).toEqual([
      { field: "suppressed_roles", description: `must be roles of the framework; ${shown} is not` },
    ]);
  });
});

test("whatever is wrong with a request, little is told of it", () => {
  const MAX_TOLD = 21 * 1_000;
  for (const path of repeated) {
    const field = path.steps.at(-1) as DescField;
    const wrong = [same(emptyValue(field), ELEMENTS), same(goodValue(field, "/".repeat(LONG)), LONG_ELEMENTS)];
    for (const values of wrong) {
      const violations = validate(path, values)();
      expect(violations.length, nameOf(path)).toBeLessThanOrEqual(21);
      expect(JSON.stringify(violations).length, nameOf(path)).toBeLessThan(MAX_TOLD);
    }
  }
});
