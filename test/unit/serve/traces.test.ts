import { expect, test } from "vitest";
import { parseServeConfig } from "../../../server/cli/serveConfig.js";

const parsing = (flags: object) => () =>
  parseServeConfig({ master: "127.0.0.1:5050", dataDir: "d", listen: "127.0.0.1:0", ...flags });

test.each([
  ["collector:4318", "--traces: use http:// or https://"],
  ["collector", "--traces: is not a URL: use one such as http://127.0.0.1:4318/v1/traces"],
  ["grpc://collector:4317", "--traces: use http:// or https://"],
  ["https://user:hunter2@collector/v1/traces", "--traces: credentials in a URL would be in the log"],
  ["https://collector/v1/traces?key=hunter2", "--traces: credentials in a URL would be in the log"],
])("--traces %s is refused", (traces, text) => {
  expect(parsing({ traces })).toThrow(text);
  expect(parsing({ traces })).not.toThrow("hunter2");
});

test("--traces without a path has that of OTLP", () => {
  expect(parsing({ traces: "http://127.0.0.1:4318" })().traces).toBe("http://127.0.0.1:4318/v1/traces");
  expect(parsing({ traces: "http://127.0.0.1:4318/other" })().traces).toBe("http://127.0.0.1:4318/other");
});

test("--traces-percent is a share, and needs somewhere to send it", () => {
  expect(parsing({ tracesPercent: "10" })).toThrow("--traces-percent needs --traces");
  expect(parsing({ traces: "http://127.0.0.1:4318", tracesPercent: "101" })).toThrow("--traces-percent");
  expect(parsing({ traces: "http://127.0.0.1:4318", tracesPercent: "100" })).not.toThrow();
});
