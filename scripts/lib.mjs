// What the scripts share. Node builtins only: `setup` runs before anything is installed.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { newOwner, tryLock, unlock } from "./lock.mjs";

/** The checkout that these scripts belong to. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A path inside the checkout. */
export const at = (...parts) => join(root, ...parts);

/** True when the file at `url` is the program that was started, and not a module that another one imports. */
export const isMain = (url) => process.argv[1] !== undefined && fileURLToPath(url) === process.argv[1];

/**
 * Runs a program to its end. Its output goes to ours, or with `capture` into the result.
 * Never throws for an exit status: `{ status, output }`, where a signal counts as status 128.
 */
export function run(command, args, { cwd = root, env = process.env, capture = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      stdio: ["ignore", capture ? "pipe" : "inherit", capture ? "pipe" : "inherit"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ status: code ?? 128, output }));
  });
}

/** Runs a script or a package's program with this same Node. */
export const node = (args, options) => run(process.execPath, args, options);

/** All files under a folder of the checkout, as sorted paths relative to the checkout; none if it does not exist. */
export function filesUnder(folder, keep = () => true) {
  if (!existsSync(at(folder))) return [];
  return readdirSync(at(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && keep(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

/** A digest over names and contents. A file that does not exist counts as such. */
export function fingerprint(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const path = at(file);
    hash
      .update(`${file}\0`)
      .update(existsSync(path) ? createHash("sha256").update(readFileSync(path)).digest() : "none");
  }
  return hash.digest("hex");
}

/** Reads a file of the checkout, or gives undefined where there is none. */
export const readIfThere = (file) => (existsSync(at(file)) ? readFileSync(at(file), "utf8") : undefined);

/**
 * Runs `work` while no other process does the same in this checkout. A lock whose owner has died is taken over;
 * after ten minutes of waiting it gives up.
 */
export async function withLock(name, work) {
  const key = createHash("sha256").update(root).digest("hex").slice(0, 12);
  const path = join(tmpdir(), `mesos-bridge-${name}-${key}.lock`);
  const deadline = performance.now() + 600_000;
  const owner = newOwner();
  while (!tryLock(path, owner)) {
    if (performance.now() > deadline) throw new Error(`another process holds ${path}: end it, or remove the file`);
    await delay(200);
  }
  try {
    return await work();
  } finally {
    unlock(path, owner);
  }
}
