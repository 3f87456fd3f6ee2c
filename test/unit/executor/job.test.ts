import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeJob,
  encodeProgress,
  InvertContractError,
  JOB_DEFAULTS,
  parseFailure,
  parseJob,
  parseProgress,
  parseResult,
} from "../../../executor/inverter/job.js";

const minimal = { version: 1 as const, input_url: "http://127.0.0.1:1/a.png", output_url: "https://h/b.png" };

describe("the job", () => {
  it("goes through with its defaults filled in by the reader", () => {
    expect(parseJob(encodeJob(minimal))).toEqual({ ...minimal, ...JOB_DEFAULTS });
    expect(JSON.parse(encodeJob(minimal).toString())).toEqual(minimal);
  });

  it.each([
    [{ version: 2 }, "version: this executor knows version 1 of the job alone"],
    [{ input_url: "file:///etc/passwd" }, "input_url: has to be a http:// or https:// URL"],
    [{ output_url: "b.png" }, "output_url: has to be a http:// or https:// URL"],
    [{ max_pixels: 0 }, "max_pixels: "],
    [{ max_input_bytes: 2 ** 31 }, "max_input_bytes: "],
    [{ timeout_seconds: -1 }, "timeout_seconds: "],
    [{ colour: "blue" }, '"colour"'],
  ])("%j is refused by the field's name", (change, message) => {
    const data = Buffer.from(JSON.stringify({ ...minimal, ...change }));
    expect(() => parseJob(data)).toThrow(message);
    expect(() => parseJob(data)).toThrow("the job in TaskInfo.data is invalid");
  });

  it("that is none is refused in words", () => {
    expect(() => parseJob(undefined)).toThrow("the job in TaskInfo.data is empty");
    expect(() => parseJob(Buffer.from("{"))).toThrow("the job in TaskInfo.data is not JSON");
    expect(() => encodeJob({ ...minimal, input_url: "x" })).toThrow(InvertContractError);
  });

  it("of any bytes is refused with the contract's error, and nothing else", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(text)),
        ),
        (data) => {
          for (const parse of [parseJob, parseProgress, parseResult])
            expect(() => parse(data)).toThrow(InvertContractError);
        },
      ),
    );
  });
});

it("progress goes through", () => {
  const progress = { task_id: "t", stage: "fetching" as const, fraction: 0.5 };
  expect(parseProgress(encodeProgress(progress))).toEqual(progress);
});

it("a failure of Mesos's own carries none of the executor's", () => {
  expect(parseFailure(undefined)).toBeUndefined();
  expect(parseFailure(Buffer.alloc(0))).toBeUndefined();
});
