// npm run release: builds the packages into release/, one folder for each, with checksums: docs/packages.md.
//
//   npm run release                    all packages
//   npm run release -- server python   only these
//   npm run release -- --output DIR    into another folder
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { at } from "./lib.mjs";
import { buildGo } from "./release/go.mjs";
import { buildJava } from "./release/java.mjs";
import { missingPrograms } from "./release/programs.mjs";
import { buildProtos } from "./release/protos.mjs";
import { buildPython } from "./release/python.mjs";
import { buildRust } from "./release/rust.mjs";
import { buildServer } from "./release/server.mjs";
import { SUMS, writeSums } from "./release/sums.mjs";
import { buildTypeScript } from "./release/typescript.mjs";
import { releaseVersion } from "./release/versions.mjs";
import { setup } from "./setup.mjs";

/** For each package: what has to be in PATH beside Node and npm, and what builds it into a folder. */
const packages = {
  server: { programs: [], build: buildServer },
  typescript: { programs: [], build: buildTypeScript },
  python: { programs: ["python3"], build: buildPython },
  go: { programs: ["git"], build: buildGo },
  rust: { programs: ["cargo"], build: buildRust },
  java: { programs: ["mvn", "javadoc"], build: buildJava },
  protos: { programs: [], build: buildProtos },
};

const HELP = `Usage: npm run release -- [options] [package...]

Builds the packages ${Object.keys(packages).join(", ")}, or only those that are named. Publishes nothing.

Options:
  --output DIR   where they go: one folder per package, and ${SUMS} (default: release/)
  --quick        leave out what only publishing needs: Javadoc
  --help         print this and end`;

function readOptions(args) {
  const options = { output: { type: "string" }, quick: { type: "boolean" }, help: { type: "boolean" } };
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const unknown = positionals.filter((name) => !Object.hasOwn(packages, name));
  if (unknown.length > 0) {
    throw new Error(`there is no package ${unknown.join(", ")}: choose from ${Object.keys(packages).join(", ")}`);
  }
  const names = positionals.length > 0 ? [...new Set(positionals)] : Object.keys(packages);
  return {
    help: values.help === true,
    quick: values.quick === true,
    output: resolve(values.output ?? at("release")),
    names,
  };
}

/** Folders of packages are replaced, so they must be ours. */
function prepareOutput(folder) {
  if (existsSync(folder) && readdirSync(folder).length > 0 && !existsSync(join(folder, SUMS))) {
    throw new Error(`${folder} holds files that no release made: empty it, or choose another --output`);
  }
  mkdirSync(folder, { recursive: true });
}

/** A package that fails leaves the one that was there. */
async function buildPackage(name, output, options) {
  const scratch = mkdtempSync(join(output, `.${name}-`));
  try {
    const made = join(scratch, name);
    mkdirSync(made);
    await packages[name].build({ ...options, output: made, scratch: join(scratch, "work") });
    rmSync(join(output, name), { recursive: true, force: true });
    renameSync(made, join(output, name));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function main(args) {
  const { help, quick, output, names } = readOptions(args);
  if (help) {
    console.log(HELP);
    return 0;
  }
  const version = releaseVersion();
  prepareOutput(output);
  await setup({ quiet: true });
  const leftOut = [];
  for (const name of names) {
    const missing = missingPrograms(packages[name].programs);
    if (missing.length > 0) leftOut.push(`${name} needs ${missing.join(" and ")} in PATH`);
    else await buildPackage(name, output, { version, quick });
  }
  for (const file of writeSums(output)) console.log(relative(process.cwd(), join(output, file)));
  for (const reason of leftOut) console.error(`release: left out: ${reason}`);
  return leftOut.length > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const usage = String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(`release: ${error.message}`);
  process.exitCode = usage ? 2 : 1;
}
