import { at } from "../support/paths.js";
import { keepBuilds, restoreBuilds } from "./buildCache.js";
import { buildCpp, cppPrograms } from "./cpp.js";
import { succeed } from "./execute.js";
import { buildGo } from "./go.js";
import { compileJava } from "./java.js";
import { preparePython } from "./python.js";
import { compileRust } from "./rust.js";
import { missingToolchain } from "./toolchain.js";

/**
 * Builds all clients side by side before tests use them: those run beside each other, and none must find a program that
 * another one is just writing. The builds of the tests then find all current.
 * What earlier checkouts have built is taken over first, and in the end kept for later ones (buildCache.ts).
 * What can't be built is no failure here: the tests that need it build it again, and say why.
 */
export default async function buildAll(): Promise<() => Promise<void>> {
  await restoreBuilds();
  const go = async () => {
    await succeed(process.execPath, [at("scripts/generate-clients.mjs"), "go"]);
    for (const command of ["conformance", "empty-tasks"]) await buildGo(command);
  };
  const cpp = async () => {
    if (missingToolchain("C++", cppPrograms) === undefined) await buildCpp();
  };
  await Promise.allSettled([go(), cpp(), compileJava(), preparePython(), compileRust()]);
  return keepBuilds;
}
