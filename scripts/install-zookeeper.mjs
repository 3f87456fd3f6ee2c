// Installs the ZooKeeper that tests of master detection run against, from Debian's packages, where it is missing.
import { existsSync } from "node:fs";
import { isMain, run, withLock } from "./lib.mjs";

const JAR = "/usr/share/java/zookeeper.jar";

/**
 * Gives undefined when ZooKeeper is installed, or why it can't be. No server is started: tests start their own.
 *
 * @param options.quiet print only what fails. Default false
 */
export async function installZookeeper({ quiet = false } = {}) {
  if (await installed()) return undefined;
  return withLock("zookeeper", async () => {
    if (await installed()) return undefined;
    if (!quiet) console.error("installing zookeeper (about a minute)");
    return install();
  });
}

async function installed() {
  if (!existsSync(JAR)) return false;
  const { status } = await run("java", ["-version"], { capture: true }).catch(() => ({ status: 1 }));
  return status === 0;
}

async function install() {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const steps = [
    ["update", "-qq"],
    ["install", "-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "zookeeper"],
  ];
  for (const args of steps) {
    try {
      const { status, output } = await run("apt-get", args, { env, capture: true });
      if (status !== 0) return `ZooKeeper is missing: run 'apt-get install zookeeper' as root\n${output.trimEnd()}`;
    } catch (error) {
      return `ZooKeeper's jar is looked for at ${JAR}, as Debian's package 'zookeeper' has it: ${error.message}`;
    }
  }
  return (await installed()) ? undefined : `the package zookeeper is installed, and has no java or no ${JAR}`;
}

if (isMain(import.meta.url)) {
  const missing = await installZookeeper();
  if (missing !== undefined) {
    console.error(`install-zookeeper: ${missing}`);
    process.exitCode = 1;
  }
}
