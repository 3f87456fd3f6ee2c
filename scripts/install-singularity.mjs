// Installs the Singularity that `npm test -- peers` runs, once per machine: its jars, which Maven fetches (74 MB).
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { installZookeeper } from "./install-zookeeper.mjs";
import { at, fingerprint, isMain, run, withLock } from "./lib.mjs";

const POM = "test/peers/pom.xml";
const OLDEST_JAVA = 17;

/** The folder of its jars, whether they are there or not: another pom.xml has another folder. */
const jars = join(homedir(), ".cache/mesos-bridge", `singularity-${fingerprint([POM]).slice(0, 12)}`);

/**
 * Gives undefined when Singularity, its Java and its ZooKeeper are installed, or what to install.
 *
 * @param options.quiet print only what fails. Default false
 */
export async function installSingularity({ quiet = false } = {}) {
  const missing = (await javaMissing()) ?? (await installZookeeper({ quiet }));
  if (missing !== undefined || existsSync(jars)) return missing;
  return withLock("singularity", async () => {
    if (existsSync(jars)) return undefined;
    if (!quiet) console.error("installing Singularity 1.5.0 (two minutes when nothing is cached)");
    return install();
  });
}

async function javaMissing() {
  const { status, output } = await tryRun("java", "-version");
  const version = Number(/version "(\d+)/.exec(output)?.[1] ?? 0);
  if (status === 0 && version >= OLDEST_JAVA) return undefined;
  const found = version > 0 ? `, and this is Java ${version}` : "";
  return `Singularity needs Java ${OLDEST_JAVA} or later in PATH${found}: apt-get install openjdk-17-jre-headless`;
}

async function install() {
  const unfinished = `${jars}.new-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const goal = ["dependency:copy-dependencies", `-DoutputDirectory=${unfinished}`];
    const { status, output } = await tryRun("mvn", "--batch-mode", "--quiet", "--file", at(POM), ...goal);
    if (status === undefined) return "Maven fetches Singularity, and is not in PATH: apt-get install maven";
    if (status !== 0) return `Maven could not fetch Singularity:\n${output.trimEnd()}`;
    renameSync(unfinished, jars);
    return undefined;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** As `run`; the status is undefined when there is no such program. */
const tryRun = (command, ...args) =>
  run(command, args, { capture: true }).catch((error) => ({ status: undefined, output: error.message }));

if (isMain(import.meta.url)) {
  const missing = await installSingularity();
  if (missing === undefined) {
    console.log(jars);
  } else {
    console.error(`install-singularity: ${missing}`);
    process.exitCode = 1;
  }
}
