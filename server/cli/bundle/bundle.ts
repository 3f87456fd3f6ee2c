import { rm, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { systemClock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import { openFilesLimit } from "../descriptors.js";
import { examine } from "../doctor/doctor.js";
import { jsonReport } from "../doctor/report.js";
import type { ServeConfig } from "../serveConfig.js";
import { version } from "../version.js";
import { type BridgeOptions, BridgeState } from "./bridgeState.js";
import { configPart, logPart, MAX_PART_BYTES, machinePart, metricsPart, recordsPart } from "./parts.js";
import type { Redactor } from "./redactor.js";
import { type TarFile, tarOf } from "./tar.js";

/** What to put into a bundle. What is undefined is left out, and the bundle says so. */
export interface BundleSources {
  readonly config: ServeConfig | undefined;
  readonly dataDir: string | undefined;
  readonly bridge: BridgeOptions | undefined;
  readonly metricsUrl: URL | undefined;
  readonly logFile: string | undefined;
  readonly redactor: Redactor;
}

export interface Bundle {
  /** The archive, compressed. */
  readonly bytes: Buffer;
  readonly files: readonly string[];
  /** One line for each part that is not in it. */
  readonly missing: readonly string[];
}

/** A file of the bundle: its content, or why there is none. */
interface Part {
  readonly name: string;
  readonly make: (() => Promise<unknown> | unknown) | string;
}

const FOLDER = "mesos-bridge-bundle";

/** Makes a bundle. A part that can't be made is left out, and named. */
export async function bundleOf(sources: BundleSources): Promise<Bundle> {
  const { redactor } = sources;
  const state = sources.bridge && new BridgeState(sources.bridge);
  const files: TarFile[] = [];
  const missing: string[] = [];
  try {
    for (const { name, make } of partsOf(sources, state)) {
      try {
        if (typeof make === "string") throw new Error(make);
        files.push({ name, content: contentOf(await make(), redactor) });
      } catch (error) {
        missing.push(redactor.redact(`${name}: ${errorText(error)}`));
      }
    }
  } finally {
    state?.close();
  }
  const readme = { name: "README.txt", content: Buffer.from(readmeOf(files, missing)) };
  const named = [readme, ...files].map(({ name, content }) => ({ name: `${FOLDER}/${name}`, content }));
  return { bytes: gzipSync(tarOf(named, Date.now())), files: named.map(({ name }) => name), missing };
}

/** Writes it for its owner alone. @throws Error with one line; a file that exists stays as it is */
export async function writeBundle(path: string, { bytes }: Bundle): Promise<void> {
  try {
    await writeFile(path, bytes, { flag: "wx", mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new Error(`--output: ${path} exists, and is not overwritten: choose another name, or remove it`);
    }
    // A part of it helps no one. What could not be made is not there.
    if ((error as NodeJS.ErrnoException).code === "ENOSPC") await rm(path, { force: true });
    throw new Error(`--output: ${path} can't be written: ${errorText(error)}`);
  }
}

function partsOf(sources: BundleSources, state: BridgeState | undefined): Part[] {
  const { config, dataDir, metricsUrl, logFile } = sources;
  const ask = (read: (bridge: BridgeState) => Promise<unknown>) =>
    state ? () => read(state) : "--bridge is not given";
  return [
    { name: "machine.json", make: machinePart },
    { name: "configuration.json", make: config ? () => configPart(config) : NO_CONFIG },
    { name: "doctor.json", make: config ? () => doctorPart(config) : NO_CONFIG },
    { name: "records.json", make: dataDir === undefined ? "--data-dir is not given" : () => recordsPart(dataDir) },
    { name: "frameworks.json", make: ask((bridge) => bridge.frameworks()) },
    { name: "attachments.json", make: ask((bridge) => bridge.attachments()) },
    { name: "tasks.json", make: ask((bridge) => bridge.tasks()) },
    { name: "offers.json", make: ask((bridge) => bridge.offers()) },
    { name: "metrics.txt", make: metricsUrl ? () => metricsPart(metricsUrl) : "--metrics-url is not given" },
    { name: "log.txt", make: logFile === undefined ? "--log-file is not given" : () => logPart(logFile) },
  ];
}

const NO_CONFIG = "--master and --data-dir are not given, as for serve";

async function doctorPart(config: ServeConfig): Promise<string> {
  const machine = { clock: systemClock, environment: process.env, openFiles: openFilesLimit() };
  return jsonReport(await examine(config, machine));
}

/** Without secrets, and of bounded size. */
function contentOf(made: unknown, redactor: Redactor): Buffer {
  const text = typeof made === "string" ? made : `${JSON.stringify(made, undefined, 2)}\n`;
  const content = Buffer.from(redactor.redact(text));
  if (content.length <= MAX_PART_BYTES) return content;
  return Buffer.concat([content.subarray(0, MAX_PART_BYTES), Buffer.from("\n(the rest is left out)\n")]);
}

function readmeOf(files: readonly TarFile[], missing: readonly string[]): string {
  const lines = [
    `A bundle of mesos-bridge ${version}, made ${new Date().toISOString()}. Secrets are replaced by ***.`,
    "Names of frameworks, tasks, hosts and clients are in it: look through it before you give it away.",
    "",
    "It has:",
    ...files.map(({ name, content }) => `  ${name} (${content.length} bytes)`),
    ...(missing.length === 0 ? [] : ["", "It lacks:", ...missing.map((line) => `  ${line}`)]),
  ];
  return `${lines.join("\n")}\n`;
}
