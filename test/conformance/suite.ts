import { afterAll, beforeAll, expect, it } from "vitest";
import { describeLanguage } from "../languages/toolchain.js";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import type { MesosCluster } from "../support/cluster.js";
import { startEmbeddedMesos } from "../support/embeddedMesos.js";
import { startRealMesos } from "../support/realMesos.js";
import { type Instance, loadCases, type Part } from "./case.js";
import { type Certificates, makeCertificates } from "./certificates.js";
import { LanguageDriver } from "./driverProcess.js";
import type { Language } from "./drivers.js";
import { expanded } from "./messages.js";
import { currentPage, pageWith, writePage } from "./page.js";
import { runPart, type Side } from "./part.js";
import { RealBridge } from "./realBridge.js";
import { ScriptedBridge } from "./scriptedBridge.js";
import { startStranger } from "./stranger.js";

const CASE_TIMEOUT_MS = 90_000;
const instances = loadCases();
/** Those that wait for long begin first: the others run meanwhile. */
const slowFirst = [...instances].sort((a, b) => Number(b.slow ?? false) - Number(a.slow ?? false));
const startMesos = process.env.MESOS === "real" ? startRealMesos : startEmbeddedMesos;

/** What the scripted bridges of a run share. */
interface Scripted {
  certificates: Certificates;
  /** For Unix sockets. */
  folder: string;
}

async function runScripted(one: Instance, driver: LanguageDriver, scripted: Scripted): Promise<string[]> {
  const wrong: string[] = [];
  for (const part of one.parts) {
    const cleanup = new Cleanup();
    try {
      const side = cleanup.use(await startSide(part, scripted));
      wrong.push(...(await runPart(side, driver, part, "conformance")));
      wrong.push(...(side.unexpected ?? []).map((what) => `unexpected: ${what}`));
    } finally {
      await cleanup.run();
    }
  }
  return wrong;
}

async function startSide({ stranger, listen = {} }: Part, { certificates, folder }: Scripted): Promise<Side> {
  const { files } = certificates;
  if (stranger === undefined) return Object.assign(await ScriptedBridge.start(listen, certificates, folder), { files });
  return { ...(await startStranger(stranger, certificates)), files, play: async () => undefined };
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
    let scripted: Scripted;
    beforeAll(async () => {
      const folder = await cleanup.tempDir();
      scripted = { folder, certificates: await makeCertificates(folder) };
      mesos = cleanup.use(await startMesos({ flags: { allocation_interval: "100ms" } }));
      driver = cleanup.use(new LanguageDriver(await prepare()));
    }, 600_000);

    for (const one of slowFirst) {
      // The real bridge's cases have deadlines that two cores should keep.
      const test = one.bridge === "scripted" || one.slow ? it.concurrent : it;
      const name = one.values === "" ? one.name : `${one.name}: ${one.values}`;
      test(name, { timeout: CASE_TIMEOUT_MS }, async () => {
        const wrong = await (one.bridge === "scripted"
          ? runScripted(one, driver, scripted)
          : runReal(one, driver, mesos));
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
