import { type ServiceError, status } from "@grpc/grpc-js";
import { describe, expect, test } from "vitest";
import { BadRequest, ErrorInfo, RetryInfo } from "../../../gen/google/rpc/error_details.js";
import { Status } from "../../../gen/google/rpc/status.js";
import { type BridgeReason, REASONS } from "../../../gen/mesosbridge/v1/reasons.js";
import { codeOf, statusOf } from "../../../server/grpc/statusOf.js";
import { BridgeError, invalidField, refusedSubscription, superseded } from "../../../server/session/errors.js";
import { WireError } from "../../../wire/proto.js";

/** A log that keeps what it was told. */
function logged() {
  const errors: object[] = [];
  const silent = () => {};
  return { errors, log: { debug: silent, info: silent, warn: silent, error: (fields: object) => errors.push(fields) } };
}

/** What a client decodes of an error. */
function decoded(error: ServiceError) {
  const [packed] = error.metadata.get("grpc-status-details-bin");
  const rich = Status.decode(packed as Buffer);
  const of = (type: string) =>
    rich.details.filter(({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${type}`);
  return {
    rich,
    bytes: (packed as Buffer).length,
    info: of("ErrorInfo").map(({ value }) => ErrorInfo.decode(value)),
    badRequest: of("BadRequest").map(({ value }) => BadRequest.decode(value)),
    retry: of("RetryInfo").map(({ value }) => RetryInfo.decode(value)),
  };
}

describe("an error of the table", () => {
  const reasons = Object.entries(REASONS).filter(([, { givenBy }]) => givenBy === "bridge");
  test.each(reasons.map(([reason]) => reason as BridgeReason))("%s", (reason) => {
    const { errors, log } = logged();
    const error = statusOf(new BridgeError(reason, "what to do", { metadata: { key: "value" } }), log);
    const { rich, info, badRequest, retry } = decoded(error);
    expect(error.details).toBe("what to do");
    expect(error.code).toBe(status[REASONS[reason].status as keyof typeof status]);
    expect(error.code).not.toBe(status.OK);
    expect(rich).toMatchObject({ code: error.code, message: "what to do" });
    expect(info).toMatchObject([{ reason, domain: "mesosbridge", metadata: { key: "value" } }]);
    expect(badRequest).toEqual([]);
    expect(retry.map(({ retryDelay }) => retryDelay)).toEqual(
      REASONS[reason].retry === "later" ? [expect.objectContaining({ seconds: 1n })] : [],
    );
    expect(errors).toEqual([]);
  });

  test("wrong fields come with their paths", () => {
    const violations = [
      { field: "tasks[0].name", description: "is required" },
      { field: "filters.refuse_seconds", description: "must not be negative" },
    ];
    const error = statusOf(new BridgeError("INVALID_FIELD", "two fields", { violations }), logged().log);
    expect(decoded(error).badRequest).toMatchObject([{ fieldViolations: violations }]);
    expect(statusOf(invalidField("lease", "must not be negative"), logged().log).details).toBe(
      "lease must not be negative",
    );
  });

  test("a stream may end with another code than a call", () => {
    expect(codeOf(superseded("stream"))).toBe(status.ABORTED);
    expect(codeOf(superseded("call"))).toBe(status.FAILED_PRECONDITION);
    expect(codeOf(new BridgeError("INTERNAL", "x", { status: "NO_SUCH_CODE" }))).toBe(status.UNKNOWN);
  });

  test.each([
    ["Framework has been removed", "removed", "FRAMEWORK_REMOVED"],
    ["Framework failed over", "failed-over", "FRAMEWORK_FAILED_OVER"],
    ["User 'root' is not allowed to run frameworks without --root_submissions set", "other", "FRAMEWORK_REFUSED"],
  ] as const)("Mesos's '%s' (%s) is %s with its text and the id", (message, cause, reason) => {
    const refusal = refusedSubscription({ cause, message }, "the-id");
    const { info, rich } = decoded(statusOf(refusal, logged().log));
    expect(info).toMatchObject([{ reason, metadata: { framework_id: "the-id" } }]);
    expect(rich.message).toContain(message);
  });
});

describe("any other error", () => {
  test("says nothing of what is inside, and goes to the log", () => {
    const { errors, log } = logged();
    const secret = new TypeError("Cannot read properties of undefined at /srv/secret/path.ts:7 (token hunter2)");
    for (const cause of [secret, "hunter2", undefined, null, { message: "hunter2" }]) {
      const error = statusOf(cause, log);
      expect(error.code).toBe(status.INTERNAL);
      expect(error.details).toBe("the bridge failed; its log says why");
      const { rich, info } = decoded(error);
      expect(info).toMatchObject([{ reason: "INTERNAL", metadata: {} }]);
      expect(JSON.stringify([rich.message, info, error.details, error.message])).not.toMatch(/hunter2|secret/);
    }
    expect(errors[0]).toEqual({ err: secret });
    expect(errors.length).toBe(5);
  });

  test("bytes that are no message are the client's mistake", () => {
    const { errors, log } = logged();
    const error = statusOf(new WireError("truncated message"), log);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toBe("the request is not a valid message: truncated message");
    expect(decoded(error).info).toMatchObject([{ reason: "INVALID_FIELD" }]);
    expect(errors).toEqual([]);
  });
});

describe("an error fits into trailers, of which clients take 8 KiB", () => {
  const long = "ä".repeat(100_000);
  const cases: [name: string, error: BridgeError][] = [
    ["a long text", new BridgeError("CALL_REFUSED", long)],
    ["a long id", new BridgeError("OFFER_GONE", `offer ${long} is gone`, { metadata: { offer_ids: long } })],
    [
      "many wrong fields",
      new BridgeError("INVALID_FIELD", "many", {
        violations: Array.from({ length: 5_000 }, (_, i) => ({
          field: `tasks[${i}].name`,
          description: "is required",
        })),
      }),
    ],
    ["a long field", new BridgeError("INVALID_FIELD", "one", { violations: [{ field: long, description: long }] })],
  ];
  test.each(cases)("%s", (_, cause) => {
    const error = statusOf(cause, logged().log);
    const { rich, bytes, info } = decoded(error);
    const base64 = (bytes * 4) / 3;
    const percentEncoded = encodeURIComponent(error.details).length;
    expect(base64 + percentEncoded).toBeLessThan(7_500);
    expect(info).toMatchObject([{ reason: cause.reason }]);
    expect(rich.message).toBe(error.details);
    expect(error.details.slice(0, 100)).toBe(cause.message.slice(0, 100));
  });

  test("fifty offers that are gone all have their ids", () => {
    const ids = Array.from({ length: 50 }, (_, i) => `5bb9c9b1-6a63-4a3a-9a4e-7f6d6f0b7a10-O${i}`).join(",");
    const error = statusOf(new BridgeError("OFFER_GONE", "gone", { metadata: { offer_ids: ids } }), logged().log);
    expect(decoded(error).info[0]?.metadata.offer_ids).toBe(ids);
  });

  test("of many wrong fields the first are told", () => {
    const violations = Array.from({ length: 500 }, (_, i) => ({
      field: `tasks[${i}].name`,
      description: "is required",
    }));
    const [request] = decoded(statusOf(new BridgeError("INVALID_FIELD", "x", { violations }), logged().log)).badRequest;
    const told = request?.fieldViolations ?? [];
    expect(told.length).toBeGreaterThan(20);
    expect(told).toMatchObject(violations.slice(0, told.length));
  });
});
