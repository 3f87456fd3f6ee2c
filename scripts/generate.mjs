// Generates `gen/`: TypeScript of all protos, and the descriptor set that the
// server's reflection serves. Does nothing when the inputs have not changed.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { fieldNumbers } from "./field-numbers.mjs";
import { typescript } from "./reasons/languages.mjs";
import { readReasons, TABLE } from "./reasons/table.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const buf = join(dirname(require.resolve("@bufbuild/buf/package.json")), "bin", "buf");
const templates = { mesos: "buf.gen.mesos.yaml", bridge: "buf.gen.bridge.yaml" };

/** Protos that the packages we serve bring along; reflection has to know them too. */
const servedByPackages = [
  { module: "grpc-health-check", dir: "proto", file: "health/v1/health.proto" },
  { module: "@grpc/grpc-js", dir: "proto", file: "channelz.proto" },
];

function run(...args) {
  execFileSync(process.execPath, [buf, ...args], { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
}

function protoFiles(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".proto"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function fingerprint() {
  const hash = createHash("sha256");
  const inputs = [
    ...protoFiles(join(root, "proto")),
    ...Object.values(templates),
    "package-lock.json",
    "buf.yaml",
    TABLE,
  ];
  const modules = ["field-numbers.mjs", "reasons/languages.mjs", "reasons/table.mjs"];
  const scripts = [fileURLToPath(import.meta.url), ...modules.map((name) => join(root, "scripts", name))];
  for (const input of [...inputs, ...scripts]) {
    const path = input.startsWith("/") ? input : join(root, input);
    hash.update(path.slice(root.length)).update(readFileSync(path));
  }
  return hash.digest("hex");
}

/** The directory a package is installed in, whatever its `exports` hide. */
function packageDir(name) {
  for (const base of require.resolve.paths(name) ?? []) {
    if (existsSync(join(base, name, "package.json"))) return join(base, name);
  }
  throw new Error(`${name} is not installed: run npm ci`);
}

function generate() {
  rmSync(join(root, "gen"), { recursive: true, force: true });
  mkdirSync(join(root, "gen"), { recursive: true });
  const scratch = mkdtempSync(join(tmpdir(), "mesos-bridge-generate-"));
  try {
    const own = join(scratch, "own.binpb");
    run("build", "--as-file-descriptor-set", "-o", own);
    run("generate", "--template", templates.mesos, "--path", "proto/mesos");
    run("generate", "--template", templates.bridge, "--path", "proto/mesosbridge", "--path", "proto/google");
    const wellKnown = ["duration", "timestamp", "any"].flatMap((name) => ["--path", `google/protobuf/${name}.proto`]);
    run("generate", own, "--template", templates.bridge, ...wellKnown);
    writeFieldNumbers(own);
    writeFileSync(join(root, "gen", "mesosbridge", "v1", "reasons.ts"), typescript(readReasons()));
    const sets = [own, ...servedByPackages.map((served, i) => packageSet(served, join(scratch, `${i}.binpb`)))];
    writeFileSync(join(root, "gen", "descriptors.binpb"), merge(sets));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Beside each module of messages that code reads or writes at wire level, one with their field numbers. */
function writeFieldNumbers(set) {
  for (const file of fromBinary(FileDescriptorSetSchema, readFileSync(set)).file) {
    const path = join(root, "gen", file.name.replace(/\.proto$/, ".ts"));
    if (existsSync(path)) writeFileSync(path.replace(/\.ts$/, ".fields.ts"), fieldNumbers(file));
  }
}

/** One descriptor set of several; a file that more than one of them holds comes once. */
function merge(sets) {
  const files = sets.flatMap((set) => fromBinary(FileDescriptorSetSchema, readFileSync(set)).file);
  const unique = [...new Map(files.map((file) => [file.name, file])).values()];
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: unique }));
}

function packageSet({ module, dir, file }, out) {
  const source = join(packageDir(module), dir);
  run("build", source, "--path", join(source, file), "--as-file-descriptor-set", "-o", out);
  return out;
}

const stamp = join(root, "gen", ".fingerprint");
const current = fingerprint();
if (!process.argv.includes("--force") && existsSync(stamp) && readFileSync(stamp, "utf8") === current) {
  console.error("gen/ is current");
} else {
  generate();
  writeFileSync(stamp, current);
  console.error("gen/ generated");
}
