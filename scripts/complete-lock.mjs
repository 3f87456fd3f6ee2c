// Completes package-lock.json after `npm install` against a registry that does not carry every platform's
// packages: npm then leaves the packages of other platforms out of the lockfile, and `npm ci` refuses such a lockfile.
// They are never installed here, so name, version and platform are all that is needed.
//
//   node scripts/complete-lock.mjs           writes what is missing
//   node scripts/complete-lock.mjs --check   only says what is missing
import { readFileSync, writeFileSync } from "node:fs";
import { at, isMain } from "./lib.mjs";

const SYSTEMS = ["darwin", "linux", "win32", "android", "freebsd", "openbsd", "netbsd", "sunos", "aix", "openharmony"];
const PROCESSORS = ["x64", "arm64", "arm", "ia32", "ppc64", "s390x", "riscv64", "loong64", "mips64el", "wasm32"];

/** The entries that the lockfile lacks, by their place in node_modules. */
function missingEntries(packages) {
  const missing = {};
  for (const [path, entry] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      if (path === "" || isLocked(packages, path, name)) continue;
      missing[`node_modules/${name}`] = { version: exact(name, version), ...platform(name), ...kind(entry) };
    }
  }
  return missing;
}

/** Whether `name`, wanted by the package at `path`, stands beside it or above it. */
function isLocked(packages, path, name) {
  for (let base = path; ; base = base.slice(0, Math.max(0, base.lastIndexOf("/node_modules/")))) {
    if (`${base}/node_modules/${name}` in packages) return true;
    if (!base.includes("/node_modules/")) return `node_modules/${name}` in packages;
  }
}

function exact(name, range) {
  const version = /^[\^~]?(\d+\.\d+\.\d+\S*)$/.exec(range)?.[1];
  if (version === undefined) throw new Error(`${name}@${range}: not one version; add it to package-lock.json by hand`);
  return version;
}

function platform(name) {
  const words = name.split(/[/-]/).flatMap((word) => (word.startsWith("linuxmusl") ? ["linux", "musl"] : [word]));
  const os = SYSTEMS.filter((system) => words.includes(system) || words.includes(`${system}musl`));
  const cpu = PROCESSORS.filter((processor) =>
    words.some((word) => word === processor || (processor === "arm" && /^arm(v\d.*)?$/.test(word))),
  );
  if (os.length + cpu.length === 0)
    throw new Error(`${name}: its platform can't be told; add it to package-lock.json by hand`);
  return {
    ...(cpu.length > 0 ? { cpu } : {}),
    ...(os.length > 0 ? { os } : {}),
    ...(words.includes("musl") ? { libc: ["musl"] } : {}),
  };
}

function kind(parent) {
  return { ...(parent.dev ? { dev: true } : {}), optional: true };
}

/** What is missing, by name; written unless `check`. */
export function completeLock({ check = false } = {}) {
  const file = at("package-lock.json");
  const lock = JSON.parse(readFileSync(file, "utf8"));
  const missing = missingEntries(lock.packages);
  if (!check && Object.keys(missing).length > 0) {
    const entries = Object.entries({ ...lock.packages, ...missing }).sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(file, `${JSON.stringify({ ...lock, packages: Object.fromEntries(entries) }, undefined, 2)}\n`);
  }
  return Object.keys(missing);
}

if (isMain(import.meta.url)) {
  const check = process.argv.includes("--check");
  const missing = completeLock({ check });
  process.stdout.write(missing.map((path) => `${check ? "missing" : "added"}: ${path}\n`).join(""));
  process.exit(check && missing.length > 0 ? 1 : 0);
}
