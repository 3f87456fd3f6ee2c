import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { Offer } from "../../../gen/mesos/v1/mesos.js";
import { createValidator } from "../../../server/validation/validator.js";
import { at } from "../../support/paths.js";
import { refusedCalls, stricterCalls, takenCalls } from "./examples/calls.js";
import { refusedSubscriptions, stricterSubscriptions, takenSubscriptions } from "./examples/subscriptions.js";

const validator = createValidator(readFileSync(at("gen/descriptors.binpb")));
const SUBSCRIBE = "mesos.v1.scheduler.Call.Subscribe";
const CALL = "mesos.v1.scheduler.Call";

const offer = Offer.fromPartial({
  id: { value: "offer" },
  agentId: { value: "agent" },
  frameworkId: { value: "framework" },
  hostname: "localhost",
});

describe("a subscription", () => {
  test.each([...refusedSubscriptions, ...stricterSubscriptions])("is refused with $name", ({ bytes, field, says }) => {
    const violations = validator.validate(SUBSCRIBE, bytes());
    expect(violations).toEqual([{ field, description: expect.stringContaining(says) }]);
  });

  test.each(takenSubscriptions)("is taken with $name", ({ bytes }) => {
    expect(validator.validate(SUBSCRIBE, bytes())).toEqual([]);
  });
});

describe("a call", () => {
  test.each([...refusedCalls, ...stricterCalls])("is refused: $name", ({ bytes, field, says }) => {
    const violations = validator.validate(CALL, bytes(offer));
    expect(violations[0]).toEqual({ field, description: expect.stringContaining(says) });
    expect(violations.filter((violation) => violation.field !== field)).toEqual([]);
  });

  test.each(takenCalls)("is taken: $name", ({ bytes }) => {
    expect(validator.validate(CALL, bytes(offer))).toEqual([]);
  });
});
