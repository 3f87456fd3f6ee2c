import { readFileSync } from "node:fs";
import { createFileRegistry, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as executor from "../../../gen/mesos/v1/executor/executor.js";
import * as mesos from "../../../gen/mesos/v1/mesos.js";
import * as scheduler from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { MessageTables } from "../../../server/validation/messageTable.js";
import { createValidator } from "../../../server/validation/validator.js";
import { Walker } from "../../../server/validation/walker.js";
import { at } from "../../support/paths.js";
import { anyMessage, encodeTree, requiredFields, singularFields } from "./messageTree.js";

const descriptors = readFileSync(at("gen/descriptors.binpb"));
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
const validator = createValidator(descriptors);

/** What the descriptors alone ask for: random messages break the other rules. */
const tables = new MessageTables(registry, { contexts: [], fields: [], messages: [] });
const walker = new Walker();
const byDescriptors = (type: DescMessage, bytes: Uint8Array) => walker.walk(tables.get(type.typeName), bytes);

const packages: Record<string, Record<string, unknown>> = {
  "mesos.v1": mesos,
  "mesos.v1.scheduler": scheduler,
  "mesos.v1.executor": executor,
};

interface TsProto {
  encode(message: unknown): { finish(): Uint8Array };
  decode(bytes: Uint8Array): unknown;
}

/** ts-proto's class of a type: `Offer_Operation` for `mesos.v1.Offer.Operation`. */
function classOf(type: DescMessage): TsProto {
  const name = type.typeName.slice(type.file.proto.package.length + 1).replaceAll(".", "_");
  return packages[type.file.proto.package]?.[name] as TsProto;
}

const types = [...registry].filter(
  (type): type is DescMessage => type.kind === "message" && type.file.proto.package in packages && !isMapEntry(type),
);

function isMapEntry(type: DescMessage): boolean {
  return type.proto.options?.mapEntry === true;
}

/** Shrinking what fails may take for ever: it ends in time for the failure to be reported. */
const interruptAfterTimeLimit = 10_000;

/** How many levels of optional messages a random message has. */
const DEPTH = 3;
const treeOf = (type: DescMessage, g: fc.GeneratorValue) => anyMessage(g, fc, type, DEPTH);

const callType = typeNamed("mesos.v1.scheduler.Call");
const acceptType = typeNamed("mesos.v1.scheduler.Call.Accept");
/** Calls and ACCEPTs often, for they are what comes; others too. */
const anyType = fc.oneof(fc.constantFrom(callType, acceptType), fc.constantFrom(...types));

function typeNamed(name: string): DescMessage {
  const type = types.find(({ typeName }) => typeName === name);
  if (!type) throw new Error(`no type ${name}`);
  return type;
}

describe("any message of Mesos", () => {
  test("passes with its required fields, as ts-proto writes it", () => {
    fc.assert(
      fc.property(anyType, fc.gen(), (type, g) => {
        const codec = classOf(type);
        const bytes = codec.encode(codec.decode(encodeTree(treeOf(type, g)))).finish();
        expect(byDescriptors(type, bytes)).toEqual([]);
      }),
      { numRuns: 800, interruptAfterTimeLimit },
    );
  });

  test("without one of its required fields is refused with that field's path", () => {
    let removed = 0;
    fc.assert(
      fc.property(anyType, fc.gen(), fc.nat(), (type, g, choice) => {
        const tree = treeOf(type, g);
        const required = requiredFields(tree);
        const chosen = required[choice % required.length];
        if (chosen === undefined) return;
        chosen.remove();
        removed++;
        expect(byDescriptors(type, encodeTree(tree))).toEqual([{ field: chosen.path, description: "is required" }]);
      }),
      { numRuns: 800, interruptAfterTimeLimit },
    );
    expect(removed).toBeGreaterThan(200);
  });

  test("with one of its fields once more is refused with that field's path", () => {
    let repeated = 0;
    fc.assert(
      fc.property(anyType, fc.gen(), fc.nat(), (type, g, choice) => {
        const tree = treeOf(type, g);
        const singular = singularFields(tree);
        const chosen = singular[choice % singular.length];
        if (chosen === undefined) return;
        chosen.repeat();
        repeated++;
        const description = "is set more than once: it is not repeated, and must come once";
        expect(byDescriptors(type, encodeTree(tree))).toContainEqual({ field: chosen.path, description });
      }),
      { numRuns: 800, interruptAfterTimeLimit },
    );
    expect(repeated).toBeGreaterThan(200);
  });
});

/** Some of a message's bytes changed, put in or left out: closer to a message than random bytes are. */
const anyDamage = fc.array(fc.tuple(fc.nat(), fc.nat(255), fc.constantFrom("set", "insert", "cut")), { maxLength: 3 });

function damage(message: Uint8Array, changes: [number, number, string][]): Buffer {
  let bytes = Buffer.from(message);
  for (const [where, byte, how] of changes) {
    const position = bytes.length === 0 ? 0 : where % bytes.length;
    const middle = how === "cut" ? Buffer.alloc(0) : Buffer.from([byte]);
    const after = bytes.subarray(how === "insert" ? position : position + 1);
    bytes = Buffer.concat([bytes.subarray(0, position), middle, after]);
  }
  return bytes;
}

describe("bytes that are not a message", () => {
  const requests = ["CallRequest", "LaunchTasksRequest", "AcceptOffersRequest", "SubscribeRequest"];
  const anyRequest = fc.constantFrom(...requests.map((name) => `mesosbridge.v1.${name}`), callType.typeName);

  test("never throw, and give at most 20 violations and one for the rest", () => {
    fc.assert(
      fc.property(anyRequest, fc.uint8Array({ maxLength: 400 }), (type, bytes) => {
        expect(validator.validate(type, bytes).length).toBeLessThanOrEqual(21);
      }),
      { numRuns: 3000, interruptAfterTimeLimit },
    );
  });

  test("never throw when they are close to one", () => {
    fc.assert(
      fc.property(fc.gen(), anyDamage, (g, changes) => {
        const bytes = damage(encodeTree(treeOf(callType, g)), changes);
        expect(validator.validate(callType.typeName, bytes).length).toBeLessThanOrEqual(21);
      }),
      { numRuns: 800, interruptAfterTimeLimit },
    );
  });

  test("are refused where protobuf-es can't read them, or misses a required field", () => {
    let unreadable = 0;
    fc.assert(
      fc.property(anyType, fc.gen(), anyDamage, (type, g, changes) => {
        const bytes = damage(encodeTree(treeOf(type, g)), changes);
        const problem = problemOfProtobufEs(type, bytes);
        if (problem === undefined) return;
        unreadable++;
        expect({ problem, violations: byDescriptors(type, bytes) }).not.toEqual({ problem, violations: [] });
      }),
      { numRuns: 1500, interruptAfterTimeLimit },
    );
    expect(unreadable).toBeGreaterThan(100);
  });
});

function problemOfProtobufEs(type: DescMessage, bytes: Uint8Array): string | undefined {
  try {
    toBinary(type, fromBinary(type, bytes));
    return undefined;
  } catch (error) {
    return String(error);
  }
}
