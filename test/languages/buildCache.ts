import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { filesUnder } from "../../scripts/lib.mjs";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";
import { rustCrate } from "./rust.js";

/** Beside the real Mesos, for all checkouts. */
const CACHE = join(homedir(), ".cache/mesos-bridge/builds");
/** Of each client: who goes back and forth between two states builds neither again. */
const KEPT = 2;
/** No copy takes that long. */
const COPY_MS = 3_600_000;

/**
 * What compilers make of files that rarely change: more than half of what a fresh checkout spends on builds. It is only a
 * start: cargo and make look themselves at what of it is current.
 */
interface CachedBuild {
  name: string;
  /** Where it lies in the checkout. */
  folder: string;
  /** What decides about it: compilers, and files. */
  key(): Promise<string[]>;
  /** Removes from a copy what the key says nothing of. */
  strip(copy: string): Promise<void>;
}

/** The crates that the client needs. The client itself is compiled in each checkout: cargo goes by the age of files. */
const rust: CachedBuild = {
  name: "rust",
  folder: join(rustCrate, "target"),
  key: async () => [
    await succeed("rustc", ["--version", "--verbose"]),
    ...(await contents(["clients/rust/Cargo.toml"])),
  ],
  strip: async (copy) => {
    const clean = ["clean", "--quiet", "--package", "mesosbridge", "--target-dir", copy];
    await succeed("cargo", clean, { cwd: rustCrate });
    // Also as what a user's crate depends on.
    const own = (await readdir(copy, { recursive: true })).filter((path) => /mesosbridge[^/]*$/.test(path));
    for (const path of own) await rm(join(copy, path), { recursive: true, force: true });
  },
};

/** The stubs, and what the compiler makes of them. */
const cpp: CachedBuild = {
  name: "cpp",
  folder: at("clients/cpp/build"),
  key: async () => [
    await succeed("g++", ["--version"]),
    await succeed("pkg-config", ["--modversion", "grpc++", "protobuf"]),
    ...(await contents(["clients/cpp/Makefile", ...filesUnder("proto")])),
  ],
  strip: async (copy) => {
    for (const file of ["empty-tasks", "empty_tasks.o"]) await rm(join(copy, file), { force: true });
  },
};

const builds = [rust, cpp];

/** Puts in place what an earlier checkout has built, where nothing is built yet. What fails is built as ever. */
export async function restoreBuilds(): Promise<void> {
  await Promise.allSettled(builds.map(restore));
}

/** Keeps what was built for the next checkouts, if it is not kept yet. */
export async function keepBuilds(): Promise<void> {
  await Promise.allSettled(builds.map(keep));
}

async function restore(build: CachedBuild): Promise<void> {
  if (existsSync(build.folder)) return;
  const kept = await placeOf(build);
  if (!existsSync(kept)) return;
  const copy = await mkdtemp(`${build.folder}-`);
  try {
    await copyFolder(kept, copy);
    if (build === cpp) await renew(copy);
    await rename(copy, build.folder);
    // The last one used is the last one to go.
    await utimes(kept, new Date(), new Date());
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

async function keep(build: CachedBuild): Promise<void> {
  const kept = await placeOf(build);
  if (existsSync(kept) || !existsSync(build.folder)) return;
  await mkdir(CACHE, { recursive: true });
  const copy = await mkdtemp(join(CACHE, "new-"));
  try {
    await copyFolder(build.folder, copy);
    await build.strip(copy);
    await rename(copy, kept);
    await prune(build);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

const copyFolder = (from: string, to: string) => cp(from, to, { recursive: true, preserveTimestamps: true });

/** Make goes by the age of files: stubs are younger than the protos of this checkout, and objects than the stubs. */
async function renew(folder: string): Promise<void> {
  const files = (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  for (const isObject of [false, true]) {
    const now = new Date();
    for (const path of paths.filter((each) => each.endsWith(".o") === isObject)) await utimes(path, now, now);
    // The next ones are not of the same moment.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function prune({ name }: CachedBuild): Promise<void> {
  const kept = (await aged(`${name}-`)).slice(KEPT);
  // Of runs that were ended in the middle of a copy.
  const unfinished = (await aged("new-")).filter(({ ageMs }) => ageMs > COPY_MS);
  for (const { path } of [...kept, ...unfinished]) await rm(path, { recursive: true, force: true });
}

/** Folders of the cache by the beginning of their name, the newest first. */
async function aged(prefix: string): Promise<{ path: string; ageMs: number }[]> {
  const paths = (await readdir(CACHE)).filter((each) => each.startsWith(prefix)).map((each) => join(CACHE, each));
  const ages = await Promise.all(paths.map(async (path) => ({ path, ageMs: Date.now() - (await stat(path)).mtimeMs })));
  return ages.sort((a, b) => a.ageMs - b.ageMs);
}

async function placeOf({ name, key }: CachedBuild): Promise<string> {
  const hash = createHash("sha256");
  for (const part of await key()) hash.update(`${part.length} ${part}`);
  return join(CACHE, `${name}-${hash.digest("hex").slice(0, 16)}`);
}

/** Of files of the checkout, with their names. */
async function contents(files: readonly string[]): Promise<string[]> {
  return Promise.all(files.map(async (file) => `${file} ${await readFile(at(file), "utf8")}`));
}
