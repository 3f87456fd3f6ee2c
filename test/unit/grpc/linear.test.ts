import { readFileSync } from "node:fs";
import { createFileRegistry, type DescField, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { describe, expect, test, vi } from "vitest";
import { WatchEventsRequest } from "../../../gen/mesosbridge/v1/observer.js";
import { readAttachRequest } from "../../../server/grpc/attachRequest.js";
import { boundedError } from "../../../server/grpc/boundedError.js";
import { parseHeader } from "../../../server/grpc/callHeader.js";
import { readCallsRequest } from "../../../server/grpc/callsRequest.js";
import { eventFilter } from "../../../server/grpc/eventFilter.js";
import { RequestFields } from "../../../server/grpc/requestFields.js";
import { typedCalls } from "../../../server/grpc/typedCalls.js";
import { acknowledgedOperationKey, acknowledgedTaskKey } from "../../../server/mesos/messages/acknowledgements.js";
import {
  type CallMessage,
  CallType,
  readAccept,
  readCall,
  readIds,
  readRoles,
} from "../../../server/mesos/messages/calls.js";
import { updatedFields } from "../../../server/mesos/messages/frameworkInfo.js";
import { BridgeError } from "../../../server/session/errors.js";
import { messageField, stringField } from "../../../wire/proto.js";
import { expectLinear, GROWTH_TIMEOUT_MS } from "../../support/growth.js";
import { at } from "../../support/paths.js";
import { collidingFields } from "../session/collidingFields.js";
import { goodValue, goodValues, nameOf, reachableFields, requestAround } from "../validation/requestTree.js";

vi.setConfig({ testTimeout: GROWTH_TIMEOUT_MS });

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(at("gen/descriptors.binpb"))));
const service = registry.getService("mesosbridge.v1.SchedulerService");
if (!service) throw new Error("the descriptors lack the service");

const SIZE = 4_000;
const name = stringField(1, "name");

/** What the bridge reads of a call that it passes on. */
function readPassed({ type, payload }: CallMessage): void {
  if (type === CallType.ACCEPT) readAccept(payload);
  else if (type === CallType.REVIVE || type === CallType.SUPPRESS) readRoles(payload);
  else if (type === CallType.ACKNOWLEDGE) acknowledgedTaskKey(payload);
  else if (type === CallType.ACKNOWLEDGE_OPERATION_STATUS) acknowledgedOperationKey(payload);
  else if (type === CallType.UPDATE_FRAMEWORK) updatedFields(payload);
  else if (DECLINES.has(type)) readIds(payload, 1);
}

const DECLINES: ReadonlySet<number> = new Set([
  CallType.DECLINE,
  CallType.ACCEPT_INVERSE_OFFERS,
  CallType.DECLINE_INVERSE_OFFERS,
]);

/** All that the bridge reads of a request before it is answered or sent. */
function read({ typeName }: DescMessage, request: Uint8Array): void {
  const fields = new RequestFields(request);
  if (typeName === "mesosbridge.v1.SubscribeRequest") {
    readAttachRequest(Buffer.concat([request, name]), "test", "peer");
  } else if (typeName === "mesosbridge.v1.CallsRequest") {
    const { header, call } = readCallsRequest(request);
    parseHeader(header);
    if (call) readPassed(readCall(call));
  } else {
    parseHeader(fields.message(1));
    fields.strings(2);
    const method = service?.methods.find(({ input }) => input.typeName === typeName)?.localName;
    const typed = Object.entries(typedCalls).find(([known]) => known === method)?.[1];
    if (typed) readPassed(typed(fields));
  }
}

const same = (field: DescField, count: number) => {
  const value = goodValue(field);
  return Buffer.alloc(count * value.length, value);
};

describe("a request is read in time by its size", () => {
  const notDeep = reachableFields(service, ({ fieldKind }) => fieldKind !== "scalar" && fieldKind !== "enum").filter(
    ({ steps }) => steps.length <= 3,
  );

  test.each([
    ["differ", goodValues],
    ["are the same", same],
  ])("with values of a field that %s", (_, values) => {
    for (const path of notDeep) {
      const field = path.steps.at(-1) as DescField;
      expectLinear(nameOf(path), SIZE, (count) => {
        const request = requestAround(path, values(field, count));
        return () => read(path.request, request);
      });
    }
  });

  test("with fields that nobody asks for, of numbers that V8 hashes alike", () => {
    const fields = collidingFields(6_000);
    const needed = [stringField(1, ""), messageField(2, []), messageField(3, [])];
    for (const { input } of service.methods.filter(({ localName }) => localName in typedCalls)) {
      expectLinear(input.typeName, 1_500, (count) => {
        const request = Buffer.concat([...fields.slice(0, count), ...needed]);
        return () => read(input, request);
      });
    }
  });
});

test("an observer's filter takes time by its number of types", () => {
  expectLinear("types", SIZE, (count) => {
    const request = WatchEventsRequest.fromPartial({ types: Array<string>(count).fill("UPDATE") });
    return () => eventFilter(request);
  });
});

test("an error takes time by its size at most, and little of it is told", () => {
  expectLinear("an error", 250_000, (size) => {
    const text = "ö".repeat(size);
    const violations = Array.from({ length: 20 }, () => ({ field: text, description: text }));
    const error = new BridgeError("INVALID_FIELD", text, { metadata: { text }, violations });
    return () => expect(JSON.stringify(boundedError(error)).length).toBeLessThan(10_000);
  });
});
