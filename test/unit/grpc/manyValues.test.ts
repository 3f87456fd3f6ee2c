import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test, vi } from "vitest";
import { readCallsRequest } from "../../../server/grpc/callsRequest.js";
import { RequestFields } from "../../../server/grpc/requestFields.js";
import { typedCalls } from "../../../server/grpc/typedCalls.js";
import { readAccept, readIds, readRoles } from "../../../server/mesos/messages/calls.js";
import { completeFrameworkInfo } from "../../../server/mesos/messages/frameworkInfo.js";
import { createValidator } from "../../../server/validation/validator.js";
import { fieldsExcept, lengthDelimited, messageField, stringField, varintField } from "../../../wire/proto.js";
import { at } from "../../support/paths.js";

/** It takes a second or less; but a machine may have much else to do. */
vi.setConfig({ testTimeout: 60_000 });

const validator = createValidator(readFileSync(at("gen/descriptors.binpb")));

const REQUEST_BYTES = 4 * 1024 * 1024;
/** Of the request's own size. Of values of two bytes, a view of each takes 60 times as much. */
const MAX_TIMES = 20;

const full = (value: Uint8Array, head: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([head, Buffer.alloc(Math.floor(REQUEST_BYTES / value.length) * value.length, value)]);
const empty = (field: number) => messageField(field, []);
const task = lengthDelimited(2, stringField(1, "task"));
const payloadOf = (request: Uint8Array, method: keyof typeof typedCalls) =>
  typedCalls[method](new RequestFields(request)).payload;

/** Requests of as many values as fit, and what the bridge makes of them. */
const cases: [string, string, Buffer, (request: Buffer) => unknown][] = [
  ["fields that nobody knows", "KillTask", full(empty(15), task), (request) => payloadOf(request, "killTask")],
  [
    "offers that are declined",
    "DeclineOffers",
    full(messageField(2, [empty(1)])),
    (request) => readIds(payloadOf(request, "declineOffers"), 1),
  ],
  [
    "fields beside offers that are declined",
    "DeclineOffers",
    full(empty(15), messageField(2, [stringField(1, "offer")])),
    (request) => fieldsExcept(request, 2),
  ],
  [
    "operations",
    "AcceptOffers",
    full(messageField(3, [varintField(1, 1)]), messageField(2, [stringField(1, "offer")])),
    (request) => readAccept(payloadOf(request, "acceptOffers")),
  ],
  [
    "roles that are revived",
    "ReviveOffers",
    full(stringField(2, "r")),
    (request) => readRoles(payloadOf(request, "reviveOffers")),
  ],
  ["tokens", "Acknowledge", full(empty(2)), (request) => new RequestFields(request).count(2)],
  ["tokens of Calls", "Calls", full(empty(3)), readCallsRequest],
  [
    "capabilities",
    "Subscribe",
    lengthDelimited(2, full(empty(10), stringField(1, "user"))),
    (request) => completeFrameworkInfo(new RequestFields(request).message(2) ?? request, "name", undefined),
  ],
];

setFlagsFromString("--expose-gc");
const collectGarbage: unknown = runInNewContext("gc");

test.each(cases)("%s take memory by the size of the request", (_, type, request, read) => {
  if (typeof collectGarbage === "function") collectGarbage();
  const before = process.memoryUsage().heapUsed;
  expect(validator.validate(`mesosbridge.v1.${type}Request`, request)).toEqual([]);
  const result = read(request);
  const grown = process.memoryUsage().heapUsed - before;
  expect(result).toBeDefined();
  expect(grown / request.length).toBeLessThan(MAX_TIMES);
});
