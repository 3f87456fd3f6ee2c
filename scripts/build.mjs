// Generates gen/, compiles the TypeScript into dist/ and puts beside it what runs with it. Does nothing when no input has
// changed.
import { chmodSync, cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { at, filesUnder, fingerprint, isMain, node, readIfThere, withLock } from "./lib.mjs";

const stamp = "dist/.fingerprint";
const folders = ["gen", "wire", "server", "embedded", "executor", "clients/typescript", "bench"];
const isSource = (name) => name.endsWith(".ts") && !name.endsWith(".d.ts");

/**
 * Generates `gen/` from `proto/`.
 *
 * @param options.quiet print only what fails. Default false
 * @throws Error when the protos are wrong
 */
export async function generate({ quiet = false } = {}) {
  const { status, output } = await node([at("scripts/generate.mjs")], { capture: quiet });
  if (status !== 0) throw new Error(`generating gen/ from proto/ failed\n${output}`);
}

/**
 * Builds `dist/` from the sources and from `gen/`, which has to be there.
 *
 * @param options.quiet print only what fails. Default false
 * @throws Error when the compiler finds something
 */
export async function build({ quiet = false } = {}) {
  const sources = folders.flatMap((folder) => filesUnder(folder, isSource));
  const outputs = sources.map((source) => `dist/${source.replace(/\.ts$/, ".js")}`);
  const current = fingerprint(inputs(sources));
  const complete = outputs.every((output) => existsSync(at(output)));
  if (complete && readIfThere(stamp) === current) {
    if (!quiet) console.error("dist/ is current");
    return;
  }
  // tsc would not write again what it believes to have written.
  if (!complete) rmSync(at("dist/.tsbuildinfo"), { force: true });
  rmSync(at(stamp), { force: true });
  await compile(quiet);
  removeLeftovers(new Set(outputs));
  copyDescriptors();
  await bundleExecutor(quiet);
  makeExecutable();
  writeFileSync(at(stamp), current);
  if (!quiet) console.error("dist/ built");
}

function inputs(sources) {
  const settings = [
    "tsconfig.json",
    "tsconfig.build.json",
    "package.json",
    "package-lock.json",
    "gen/descriptors.binpb",
  ];
  const scripts = filesUnder("scripts", (name) => /^(build|bundle|lib)/.test(name));
  return [...settings, ...scripts, ...sources];
}

async function compile(quiet) {
  const { status, output } = await node([at("node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
    capture: quiet,
  });
  if (status !== 0) throw new Error(`the compiler found errors\n${output}`);
}

/** Removes what was compiled from sources that are gone. */
function removeLeftovers(outputs) {
  for (const folder of folders) {
    for (const file of filesUnder(`dist/${folder}`, (name) => /\.js(\.map)?$/.test(name))) {
      if (!outputs.has(file.replace(/\.map$/, ""))) rmSync(at(file));
    }
  }
}

/** What the server's reflection serves. */
function copyDescriptors() {
  mkdirSync(at("dist/gen"), { recursive: true });
  cpSync(at("gen/descriptors.binpb"), at("dist/gen/descriptors.binpb"));
}

async function bundleExecutor(quiet) {
  if (!existsSync(at("scripts/bundle-executor.mjs"))) return;
  const { status, output } = await node([at("scripts/bundle-executor.mjs")], { capture: quiet });
  if (status !== 0) throw new Error(`bundling the executor failed\n${output}`);
}

function makeExecutable() {
  const { bin = {} } = JSON.parse(readIfThere("package.json") ?? "{}");
  for (const file of Object.values(bin)) if (existsSync(at(file))) chmodSync(at(file), 0o755);
}

if (isMain(import.meta.url)) {
  try {
    if (!existsSync(at("node_modules")))
      throw new Error("the dependencies are missing: run `npm run setup`, which does all");
    await withLock("setup", async () => {
      await generate();
      await build();
    });
  } catch (error) {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  }
}
