import { readFileSync, writeFileSync } from "node:fs";
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { HttpProxy, proxyEnvironment } from "../support/httpProxy.js";
import { at } from "../support/paths.js";
import { startRealMesos } from "../support/realMesos.js";
import { filled, type Instance, loadCases, type Part } from "./case.js";
import { type DriverOutput, LanguageDriver } from "./driverProcess.js";
import { languages, leftOut } from "./drivers.js";
import { listMismatches, mismatches } from "./match.js";
import { matrixPage, type Results } from "./matrix.js";
import { expanded } from "./messages.js";
import { RealBridge } from "./realBridge.js";
import { ScriptedBridge } from "./scriptedBridge.js";

const DRIVER_TIMEOUT_MS = 50_000;
const CASE_TIMEOUT_MS = 90_000;
for (const why of leftOut) console.error(`!!! NOT TESTED: ${why}`);
const instances = loadCases();
/** Those that wait for long begin first: the others run meanwhile. */
const slowFirst = [...instances].sort((a, b) => Number(b.slow ?? false) - Number(a.slow ?? false));
const results: Results = new Map(languages.map(({ name }) => [name, new Map()]));
/** Cases that failed when they were last run: one that fails may be run once more. */
const failing = new Set<string>();

/** Of several cases with one name, all have to pass. */
function note(language: string, { name, values }: Instance, passed: boolean): void {
  const prefix = `${language}: ${name}: `;
  if (passed) failing.delete(prefix + values);
  else failing.add(prefix + values);
  results.get(language)?.set(name, ![...failing].some((failed) => failed.startsWith(prefix)));
}
const startMesos = process.env.MESOS === "real" ? startRealMesos : startEmbeddedMesos;
const page = at("docs/conformance.md");

/** What both kinds of bridge do for a case. */
interface Side {
  readonly address: string;
  play(steps: NonNullable<Part["steps"]>): Promise<void>;
  stop(): Promise<void>;
}

/** Runs the driver against the bridge; says what is wrong, line by line. */
async function runPart(side: Side, driver: LanguageDriver, part: Part, frameworkName: string): Promise<string[]> {
  if (part.proxy === undefined) return await runBeside(undefined, side, driver, part, frameworkName);
  const proxy = await HttpProxy.start(part.proxy.status);
  try {
    return await runBeside(proxy, side, driver, part, frameworkName);
  } finally {
    await proxy.stop();
  }
}

async function runBeside(
  proxy: HttpProxy | undefined,
  side: Side,
  driver: LanguageDriver,
  part: Part,
  frameworkName: string,
): Promise<string[]> {
  const bridge = side.address.replace("127.0.0.1", part.bridgeHost ?? "127.0.0.1");
  const values = { bridge, proxy: `127.0.0.1:${proxy?.port}` };
  const input = filled(expanded({ frameworkName, user: "nobody", ...part.driver, bridge }), values) as JsonObject;
  const environment = part.proxy?.inEnvironment
    ? { ...proxyEnvironment(values.proxy), ...part.environment }
    : part.environment;
  const running = driver.drive(input, DRIVER_TIMEOUT_MS, environment).catch((error: Error) => error);
  const played = await side.play(part.steps ?? []).catch((error: Error) => error);
  const output = await running;
  const failures = [played, output].filter((outcome) => outcome instanceof Error).map(({ message }) => message);
  if (proxy !== undefined) failures.push(...wrongAtProxy(proxy, filled(part.proxy?.expect ?? [], values)));
  return output instanceof Error ? failures : [...failures, ...wrongIn(output, part.expect)];
}

function wrongAtProxy({ connections, requests }: HttpProxy, expected: JsonValue): string[] {
  const list = expected as JsonValue[];
  if (list.length === 0) return connections === 0 ? [] : [`proxy: ${connections} connections were made to it`];
  return listMismatches(list, requests as unknown as JsonValue[]).map((line) => `proxy: ${line}`);
}

function wrongIn(output: DriverOutput, { events, calls, error = null }: Part["expect"]): string[] {
  return [
    ...listMismatches(events, output.events).map((line) => `events: ${line}`),
    ...(calls === undefined ? [] : listMismatches(calls, output.calls).map((line) => `calls: ${line}`)),
    ...mismatches(error, output.error).map((line) => `error: ${line}`),
  ];
}

async function runScripted(one: Instance, driver: LanguageDriver): Promise<string[]> {
  const wrong: string[] = [];
  for (const part of one.parts) {
    const bridge = await ScriptedBridge.start();
    try {
      wrong.push(...(await runPart(bridge, driver, part, "conformance")));
      wrong.push(...bridge.unexpected.map((what) => `unexpected: ${what}`));
    } finally {
      await bridge.stop();
    }
  }
  return wrong;
}

let frameworks = 0;

async function runReal(one: Instance, driver: LanguageDriver, shared: MesosCluster): Promise<string[]> {
  const cleanup = new Cleanup();
  try {
    const mesos = one.mesos === undefined ? shared : cleanup.use(await startMesos(mesosOptions(one.mesos)));
    const frameworkName = `conformance-${++frameworks}`;
    const bridge = cleanup.use(await RealBridge.start(mesos, frameworkName, one.bridgeFlags));
    const wrong: string[] = [];
    for (const part of one.parts) wrong.push(...(await runPart(bridge, driver, part, frameworkName)));
    return wrong.length === 0 ? [] : [...wrong, `the bridge said: ${bridge.log().slice(-4_000)}`];
  } finally {
    await cleanup.run();
  }
}

function mesosOptions({ agents = 1, attributes }: NonNullable<Instance["mesos"]>) {
  const text = attributes === undefined ? undefined : String(expanded(attributes));
  return { agents, ...(text !== undefined && { attributes: `big:${text}` }), flags: { allocation_interval: "100ms" } };
}

describe("conformance", () => {
  const cleanup = cleanupAfterAll();
  let mesos: MesosCluster;
  beforeAll(async () => {
    mesos = cleanup.use(await startMesos({ flags: { allocation_interval: "100ms" } }));
  });

  for (const { name: language, prepare } of languages) {
    describe(`of the ${language} client`, () => {
      let driver: LanguageDriver;
      beforeAll(async () => {
        driver = new LanguageDriver(await prepare());
        return () => driver.stop();
      }, 600_000);

      for (const one of slowFirst) {
        // The real bridge's cases have deadlines that two cores should keep.
        const test = one.bridge === "scripted" || one.slow ? it.concurrent : it;
        const name = one.values === "" ? one.name : `${one.name}: ${one.values}`;
        test(name, { timeout: CASE_TIMEOUT_MS }, async () => {
          const wrong = one.bridge === "scripted" ? await runScripted(one, driver) : await runReal(one, driver, mesos);
          note(language, one, wrong.length === 0);
          expect(wrong.join("\n")).toBe("");
        });
      }
    });
  }
});

describe("the cases", () => {
  it("have names of their own", () => {
    const names = instances.map(({ name, values }) => `${name} ${values}`);
    expect(names).toEqual([...new Set(names)]);
  });

  it("hold every reason of docs/errors.md, and no other", () => {
    const table = readFileSync(at("docs/errors.md"), "utf8");
    const documented = [...table.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, reason]) => reason ?? "");
    const onStreams = instances
      .filter(({ name }) => /^reasons (that end the events|after which it attaches again)$/.test(name))
      .map(({ values }) => values);
    expect(documented.length).toBeGreaterThan(10);
    expect(onStreams.sort()).toEqual(documented.sort());
  });
});

describe("docs/conformance.md", () => {
  const names = new Set(instances.map(({ name }) => name));
  const ranAll = () => leftOut.length === 0 && [...results.values()].every((passed) => passed.size === names.size);
  afterAll(() => {
    if (process.env.CONFORMANCE_WRITE === "1" && ranAll()) writeFileSync(page, matrixPage(instances, results));
  });

  it("says what has come of it", ({ skip }) => {
    skip(!ranAll(), "only some of the cases were run");
    skip(process.env.CONFORMANCE_WRITE === "1", "it is written now");
    expect(readFileSync(page, "utf8")).toBe(matrixPage(instances, results));
  });
});
