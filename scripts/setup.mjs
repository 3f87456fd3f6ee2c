// Makes a fresh clone ready: dependencies, generated code, build. Does only what is missing, so it costs nothing
// to run it always. `npm run setup`, and the first step of every other command.
import { existsSync } from "node:fs";
import { build, generate } from "./build.mjs";
import { at, isMain, readIfThere, run, withLock } from "./lib.mjs";

/**
 * Does what is missing of: `npm ci`, code generation, build.
 *
 * @param options.quiet  print only what fails. Default false
 * @param options.build  also build `dist/`. Default true; the unit tests need none
 * @throws Error that says which step failed
 */
export async function setup({ quiet = false, build: withBuild = true } = {}) {
  checkNode();
  await withLock("setup", async () => {
    if (!dependenciesAreLocked()) await install(quiet);
    await generate({ quiet });
    if (withBuild) await build({ quiet });
  });
}

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 12)) {
    throw new Error(`Node 20.12 or newer is needed, and this is ${process.versions.node}`);
  }
}

/** True when node_modules holds exactly what package-lock.json asks for. npm notes in it what it has put there. */
function dependenciesAreLocked() {
  const installed = readIfThere("node_modules/.package-lock.json");
  if (installed === undefined) return false;
  const wanted = { ...JSON.parse(readIfThere("package-lock.json") ?? "{}").packages };
  const found = { ...JSON.parse(installed).packages };
  delete wanted[""];
  const same = (path) =>
    found[path]?.version === wanted[path].version && found[path].integrity === wanted[path].integrity;
  return (
    Object.keys(found).every((path) => path in wanted) &&
    // What is optional is only there on the platforms that it is for.
    Object.keys(wanted).every((path) =>
      path in found ? same(path) && existsSync(at(path)) : wanted[path].optional === true,
    )
  );
}

async function install(quiet) {
  if (!quiet) console.error("installing the locked dependencies (npm ci)");
  // No dependency needs its install script, and none gets to run one.
  const { status, output } = await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    capture: quiet,
  });
  if (status !== 0) throw new Error(`npm ci failed: see above, and run it again\n${output}`);
}

if (isMain(import.meta.url)) {
  try {
    await setup();
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exitCode = 1;
  }
}
