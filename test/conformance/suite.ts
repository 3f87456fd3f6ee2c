import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeLanguage } from "../languages/toolchain.js";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { HttpProxy, proxyEnvironment } from "../support/httpProxy.js";
import { startRealMesos } from "../support/realMesos.js";
import { filled, type Instance, loadCases, type Part, type ScriptedAddress } from "./case.js";
import { type DriverOutput, LanguageDriver } from "./driverProcess.js";
import type { Language } from "./drivers.js";
import { listMismatches, mismatches } from "./match.js";
import { expanded } from "./messages.js";
import { currentPage, pageWith, writePage } from "./page.js";
import { RealBridge } from "./realBridge.js";
import { ScriptedBridge } from "./scriptedBridge.js";

const DRIVER_TIMEOUT_MS = 50_000;
const CASE_TIMEOUT_MS = 90_000;
const instances = loadCases();
/** Those that wait for long begin first: the others run meanwhile. */
const slowFirst = [...instances].sort((a, b) => Number(b.slow ?? false) - Number(a.slow ?? false));
const startMesos = process.env.MESOS === "real" ? startRealMesos : startEmbeddedMesos;

/** What both kinds of bridge do for a case. */
interface Side {
  readonly address: string;
  addressOf?(which: ScriptedAddress): string;
  /** A command that a step ends. The scripted bridge runs none. */
  readonly gate?: string;
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
  const bridge = addressesFor(part, side);
  const values = { bridge, proxy: `127.0.0.1:${proxy?.port}`, ...(side.gate !== undefined && { gate: side.gate }) };
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

/** Where a port that nobody listens on refuses connections. */
const ABSENT = "127.0.0.1:1";

function addressesFor({ bridges, bridgeHost = "127.0.0.1" }: Part, side: Side): string {
  if (bridges === undefined) return side.address.replace("127.0.0.1", bridgeHost);
  return bridges.map((one) => (one === "absent" ? ABSENT : side.addressOf?.(one))).join(",");
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

/** How the cases of one language went: by name, whether all instances passed. */
class Outcomes {
  readonly passed = new Map<string, boolean>();
  /** Cases that failed when they were last run: one that fails may be run once more. */
  readonly #failing = new Set<string>();

  /** Of several cases with one name, all have to pass. */
  note({ name, values }: Instance, passed: boolean): void {
    const prefix = `${name}: `;
    if (passed) this.#failing.delete(prefix + values);
    else this.#failing.add(prefix + values);
    this.passed.set(name, ![...this.#failing].some((failed) => failed.startsWith(prefix)));
  }
}

/** Holds a language's client against all cases, and its column of docs/conformance.md against what came of them. */
export function testConformance({ name: language, prepare, programs }: Language): void {
  const outcomes = new Outcomes();

  describeLanguage(language, programs, () => {
    const cleanup = cleanupAfterAll();
    let mesos: MesosCluster;
    let driver: LanguageDriver;
    beforeAll(async () => {
      mesos = cleanup.use(await startMesos({ flags: { allocation_interval: "100ms" } }));
      driver = cleanup.use(new LanguageDriver(await prepare()));
    }, 600_000);

    for (const one of slowFirst) {
      // The real bridge's cases have deadlines that two cores should keep.
      const test = one.bridge === "scripted" || one.slow ? it.concurrent : it;
      const name = one.values === "" ? one.name : `${one.name}: ${one.values}`;
      test(name, { timeout: CASE_TIMEOUT_MS }, async () => {
        const wrong = one.bridge === "scripted" ? await runScripted(one, driver) : await runReal(one, driver, mesos);
        outcomes.note(one, wrong.length === 0);
        expect(wrong.join("\n")).toBe("");
      });
    }
  });

  const names = new Set(instances.map(({ name }) => name));
  const ranAll = () => outcomes.passed.size === names.size;
  const writes = process.env.CONFORMANCE_WRITE === "1";
  afterAll(async () => {
    if (writes && ranAll()) await writePage(instances, language, outcomes.passed);
  });

  it(`docs/conformance.md says what has come of the ${language} client`, ({ skip }) => {
    skip(!ranAll(), "only some of the cases were run");
    skip(writes, "it is written now");
    expect(currentPage()).toBe(pageWith(instances, language, outcomes.passed));
  });
}
