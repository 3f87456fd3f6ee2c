import { mkdirSync, writeFileSync } from "node:fs";
import { Session } from "node:inspector";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import { root } from "./paths.js";

/**
 * Notes which functions the tests of a file call in this process, for `npm run test:coverage`. Node does that itself for
 * programs that tests start (NODE_V8_COVERAGE), but not for modules that vitest has compiled.
 */
const folder = process.env.TEST_COVERAGE;
const session = new Session();
session.connect();
session.post("Profiler.enable");
// Whether a function was called, and neither how often nor which of its blocks: the cheapest that V8 has.
session.post("Profiler.startPreciseCoverage", { callCount: false, detailed: false });

beforeAll(() => {
  if (folder !== undefined) mkdirSync(folder, { recursive: true });
});

afterAll(() => {
  session.post("Profiler.takePreciseCoverage", (error, { result }) => {
    if (error !== null || folder === undefined) return;
    const own = result.filter(({ url }) => pathOf(url).startsWith(root) && !url.includes("node_modules"));
    writeFileSync(join(folder, `coverage-${process.pid}-${performance.now()}.json`), JSON.stringify({ result: own }));
  });
});

const pathOf = (url: string) => (url.startsWith("file:") ? fileURLToPath(url) : url);
