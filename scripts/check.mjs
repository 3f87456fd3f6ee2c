// npm run check: everything that can be checked without running the sources. Prints one line per check, and what to
// do if it fails. The last line is `checks: N passed, N failed`.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { availableParallelism, homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkImports } from "./check-imports.mjs";
import { completeLock } from "./complete-lock.mjs";
import { outdatedConfigFiles } from "./config-files.mjs";
import { at, filesUnder, node, run } from "./lib.mjs";
import { plainEnglishProblems } from "./plain-english.mjs";
import { outdatedReasons } from "./reasons.mjs";
import { setup } from "./setup.mjs";

const scratch = mkdtempSync(join(tmpdir(), "mesos-bridge-check-"));

const bin = (path) => at("node_modules", path);
const buf = (...args) => node([bin("@bufbuild/buf/bin/buf"), ...args], { capture: true });

/** Mesos's files as they are now; made when first needed, by both directions of the comparison. */
const currentMesos = once(async () => {
  const image = join(scratch, "mesos.binpb");
  const { status, output } = await buf("build", "--as-file-descriptor-set", "--path", "proto/mesos", "-o", image);
  if (status !== 0) throw new Error(output);
  return image;
});
const releasedMesos = "test/fixtures/mesos-1.11.0-descriptors.binpb";
/** The scheduler API of ClusterD 0.9.0 and what it imports, made from its protos by `buf build`. */
const clusterD = "test/fixtures/clusterd-scheduler.binpb";
const releasedBridge = "test/fixtures/mesosbridge.binpb";

/** Descriptors dumped from Mesos's compiled classes hold no JSON names, and Mesos has no Go package. */
const mesosRules = JSON.stringify({
  version: "v2",
  breaking: { use: ["FILE"], except: ["FIELD_SAME_JSON_NAME", "FILE_SAME_GO_PACKAGE"] },
});

/** Looks at what git does not ignore. */
const tracked = ["--vcs-enabled=true", "--vcs-client-kind=git", "--vcs-use-ignore-file=true"];
const biomeArgs = ["ci", "--error-on-warnings", "--colors=off", "--max-diagnostics=20", ...tracked];

/** Each check returns what is wrong, as text; undefined or "" means that all is well. */
const checks = [
  {
    name: "format and lint",
    fix: "npm run format, then fix the rest by hand",
    run: () => failed(node([bin("@biomejs/biome/bin/biome"), ...biomeArgs], { capture: true })),
  },
  {
    name: "types",
    fix: "npx tsc -p tsconfig.json",
    run: () => failed(node([bin("typescript/bin/tsc"), "-p", "tsconfig.json"], { capture: true })),
  },
  {
    name: "no promise is left to itself",
    fix: "await it, or add a catch that does something; void does not help. npx oxlint --type-aware",
    run: () => failed(node([bin("oxlint/bin/oxlint"), "--type-aware", "--deny-warnings"], { capture: true })),
  },
  {
    name: "imports point inward",
    fix: "move what both sides need inward; the table is in scripts/check-imports.mjs",
    run: async () => checkImports().join("\n"),
  },
  {
    name: "no data is spread into arguments",
    fix: "pass the array, or use its elements in a loop: about 100,000 arguments end the process",
    run: async () => spreadArguments().join("\n"),
  },
  {
    name: "sessions, links and the store use the clock and the randomness that they are given",
    fix: "take them from the options, as wire/clock.ts and wire/randomness.ts say: a simulation gives its own",
    run: async () => ownTime().join("\n"),
  },
  { name: "protos are well formed", fix: "npx buf lint", run: () => failed(buf("lint")) },
  {
    name: "our API breaks no one",
    fix: "keep the old field, or, for a release that may break, node scripts/release-api.mjs",
    run: () => failed(buf("breaking", "--against", releasedBridge)),
  },
  {
    name: "Mesos's messages have all that 1.11.0 has",
    fix: "make proto/mesos agree with Mesos 1.11.0 again",
    run: async () => failed(buf("breaking", await currentMesos(), "--config", mesosRules, "--against", releasedMesos)),
  },
  {
    name: "Mesos's messages have no more than 1.11.0 has",
    fix: "make proto/mesos agree with Mesos 1.11.0 again",
    run: async () => failed(buf("breaking", releasedMesos, "--config", mesosRules, "--against", await currentMesos())),
  },
  {
    name: "ClusterD's scheduler API has all that our messages have",
    fix: "say in the README what ClusterD has not, and leave it out of the comparison",
    run: async () => {
      const against = ["--against", await currentMesos(), "--limit-to-input-files"];
      return failed(buf("breaking", clusterD, "--config", mesosRules, ...against));
    },
  },
  {
    name: "generated code is current, and the same every time",
    fix: "node scripts/generate.mjs --force; if it differs again, something in it depends on time or place",
    run: generatedAgain,
  },
  {
    name: "docs and clients have the reasons of errors",
    fix: "node scripts/reasons.mjs; their source is proto/mesosbridge/v1/reasons.json",
    run: async () =>
      outdatedReasons()
        .map(({ file }) => `${file} is not current`)
        .join("\n"),
  },
  {
    name: "the options of serve are in docs and deploy",
    fix: "node scripts/config-files.mjs; their source is server/cli/serveOptions.ts",
    run: async () => (await outdatedConfigFiles()).map(({ file }) => `${file} is not current`).join("\n"),
  },
  {
    name: "texts are plain English",
    fix: "write what is suggested; the patterns and the checked folders are in scripts/plain-english.mjs",
    run: async () => plainEnglishProblems().join("\n"),
  },
  {
    name: "no dead code, no unused dependency",
    fix: "remove it, or, if something outside uses it, name it as an entry in knip.json",
    run: () => failed(node([bin("knip/bin/knip.js"), "--no-progress"], { capture: true })),
  },
  {
    name: "the lockfile holds the packages of all platforms",
    fix: "node scripts/complete-lock.mjs",
    run: async () =>
      completeLock({ check: true })
        .map((path) => `${path} is missing`)
        .join("\n"),
  },
  {
    name: "the lockfile names no registry",
    fix: "keep omit-lockfile-registry-resolved=true in .npmrc, then npm install --package-lock-only",
    run: async () => resolvedAddresses().join("\n"),
  },
  {
    name: "no file names a registry or a path of one machine",
    fix: "say which package, and leave the place to the user's own settings",
    run: placesNamed,
  },
];

async function failed(running) {
  const { status, output } = await running;
  return status === 0 ? "" : output || `exit status ${status}`;
}

/** Generates in another place, and compares with gen/: so it is current, and depends on neither place nor time. */
async function generatedAgain() {
  const copy = join(scratch, "again");
  mkdirSync(copy);
  for (const input of [
    "proto",
    "scripts",
    "buf.yaml",
    "buf.gen.mesos.yaml",
    "buf.gen.bridge.yaml",
    "package.json",
    "package-lock.json",
  ]) {
    cpSync(at(input), join(copy, input), { recursive: true });
  }
  symlinkSync(at("node_modules"), join(copy, "node_modules"));
  const { status, output } = await node([join(copy, "scripts/generate.mjs"), "--force"], { cwd: copy, capture: true });
  if (status !== 0) return output;
  const { output: differences } = await run("diff", ["-rq", at("gen"), join(copy, "gen")], { capture: true });
  return differences;
}

/** Calls with `...data` among their arguments. Lists, objects and the parameters of a function may have it. */
function spreadArguments() {
  const folders = ["server", "embedded", "wire", "executor", "clients/typescript"];
  const files = folders.flatMap((folder) => filesUnder(folder, (name) => name.endsWith(".ts")));
  return files
    .filter((file) => !file.includes("node_modules"))
    .flatMap((file) => {
      const text = readFileSync(at(file), "utf8");
      const calls = text.matchAll(/[\w$\])]\((?:[^()[\]{};]*,\s*)?\.\.\.(?!\w+: )/g);
      return [...calls].map(({ index }) => `${file}:${text.slice(0, index).split("\n").length}`);
    });
}

/** Where code that runs on a virtual clock asks the machine for time or chance. */
function ownTime() {
  const folders = ["server/session", "server/mesos/link", "server/store"];
  const asked = /\b(setTimeout|setInterval|setImmediate|Date\.now|performance\.now|Math\.random)\b/;
  return folders
    .flatMap((folder) => filesUnder(folder, (name) => name.endsWith(".ts")))
    .flatMap((file) => {
      const lines = readFileSync(at(file), "utf8").split("\n");
      return lines.flatMap((line, index) => (asked.test(line) ? [`${file}:${index + 1}: ${asked.exec(line)[1]}`] : []));
    });
}

function resolvedAddresses() {
  const { packages } = JSON.parse(readFileSync(at("package-lock.json"), "utf8"));
  return Object.entries(packages)
    .filter(([, entry]) => entry.resolved !== undefined && entry.link !== true)
    .map(([path]) => `${path} has "resolved"`);
}

/** Registries' hosts, and where this checkout lies. Spelled so that this file does not name one itself. */
async function placesNamed() {
  const hosts = ["registry\\.npmjs", "pypi\\.org", "pythonhosted\\.org", "proxy\\.golang", "crates\\.io(/api|-index)"];
  const more = ["static\\.crates\\.io", "index\\.crates\\.io", "repo1?\\.maven", "deb\\.debian"];
  // What lies beside a checkout is part of one machine, unless everyone has such a folder.
  const above = [tmpdir(), homedir(), "/"].includes(dirname(at())) ? at() : dirname(at());
  const place = `${above.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}/`;
  const { status, output } = await run("git", ["grep", "-nIE", [...hosts, ...more, place].join("|")], {
    capture: true,
  });
  return status === 1 ? "" : output || `git grep ended with ${status}`;
}

function once(make) {
  let made;
  return () => {
    made ??= make();
    return made;
  };
}

/** Runs a check, prints its result, and returns whether all is well. */
async function report({ name, fix, run: check }) {
  const start = performance.now();
  const wrong = await check().catch((error) => error.message);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  if (!wrong) {
    console.log(`ok    ${name} (${seconds} s)`);
    return true;
  }
  console.log(`FAIL  ${name} (${seconds} s)\n${shortened(wrong).replace(/^/gm, "      ")}\n      To fix it: ${fix}`);
  return false;
}

/** The first lines, as many as a person reads. */
function shortened(text) {
  const lines = text.trimEnd().split("\n");
  return [...lines.slice(0, 80), ...(lines.length > 80 ? [`... ${lines.length - 80} more lines`] : [])].join("\n");
}

/** Runs the checks whose name holds one of the words, or all of them; as many at a time as there are cores. */
async function main(words) {
  await setup({ quiet: true, build: false });
  const waiting = checks.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  const results = [];
  const work = async () => {
    for (let check = waiting.shift(); check; check = waiting.shift()) results.push(await report(check));
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
  return results;
}

try {
  const results = await main(process.argv.slice(2));
  const wrong = results.filter((ok) => !ok).length;
  console.log(`checks: ${results.length - wrong} passed, ${wrong} failed`);
  process.exitCode = wrong > 0 || results.length === 0 ? 1 : 0;
} catch (error) {
  console.error(`check: ${error.message}`);
  process.exitCode = 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
