// Installs promtool and Prometheus, which check the rules in deploy/prometheus, once per machine: the programs of Debian's
// package alone (19 MB), so that no service is started.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { isMain, run, withLock } from "./lib.mjs";

/** The folder of the programs, whether they are there or not. */
const programs = join(homedir(), ".cache/mesos-bridge", "prometheus");

/** Gives undefined when the programs are there, or why they can't be. */
async function installPrometheus() {
  if (existsSync(programs)) return undefined;
  return withLock("prometheus", async () => (existsSync(programs) ? undefined : install()));
}

async function install() {
  const folder = mkdtempSync(join(tmpdir(), "mesos-bridge-prometheus-"));
  try {
    const missing =
      (await failure("apt-get", ["download", "-qq", "prometheus"], folder)) &&
      ((await failure("apt-get", ["update", "-qq"], folder)) ??
        (await failure("apt-get", ["download", "-qq", "prometheus"], folder)));
    if (missing) return missing;
    const [archive] = readdirSync(folder).filter((name) => name.endsWith(".deb"));
    const unpacked = join(folder, "unpacked");
    const broken = await failure("dpkg-deb", ["-x", archive ?? "", unpacked], folder);
    if (broken) return broken;
    const unfinished = `${programs}.new-${process.pid}`;
    mkdirSync(unfinished, { recursive: true });
    for (const name of ["promtool", "prometheus"]) {
      const { status, output } = await run("cp", [join(unpacked, "usr/bin", name), unfinished], { capture: true });
      if (status !== 0) return output;
    }
    renameSync(unfinished, programs);
    return undefined;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Undefined if the command succeeds, else why not. */
async function failure(command, args, cwd) {
  const ran = run(command, args, { cwd, capture: true });
  const { status, output } = await ran.catch((error) => ({ status: 1, output: error.message }));
  return status === 0
    ? undefined
    : `Prometheus comes as Debian's package 'prometheus': ${command}: ${output.trimEnd()}`;
}

if (isMain(import.meta.url)) {
  const missing = await installPrometheus();
  if (missing === undefined) {
    console.log(programs);
  } else {
    console.error(`install-prometheus: ${missing}`);
    process.exitCode = 1;
  }
}
