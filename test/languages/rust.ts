import { copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";
import type { Program } from "./program.js";

/** The Rust client's crate. */
export const rustCrate = at("clients/rust");

/** Compiles the crate, its tests and its examples. */
export async function compileRust(): Promise<void> {
  await succeed("cargo", ["test", "--quiet", "--no-run"], { cwd: rustCrate });
  await succeed("cargo", ["build", "--quiet", "--examples"], { cwd: rustCrate });
}

/** Builds one of the crate's examples, and gives the program. Cargo itself knows what of it is current. */
export async function buildRust(example: string): Promise<string> {
  await succeed("cargo", ["build", "--quiet", "--example", example], { cwd: rustCrate });
  return at("clients/rust/target/debug/examples", example);
}

let building: Promise<unknown> = Promise.resolve();

/**
 * Makes a crate beside a source file, as a user of the client has one, and builds it. One at a time: all such crates have
 * the same name and the same target folder.
 *
 * @param client the client's crate. Default: that of the checkout
 */
export async function buildRustUser(path: string, client: string = rustCrate): Promise<Program> {
  const built = building.then(() => buildUser(path, client));
  building = built.catch(() => undefined);
  return await built;
}

async function buildUser(path: string, client: string): Promise<Program> {
  const folder = dirname(path);
  const manifest = readFileSync(join(rustCrate, "Cargo.toml"), "utf8");
  const [profile] = /\[profile\.dev\](\n.+)+/.exec(manifest) ?? [];
  // With the features and versions that the client's own tests have, everything but the program is compiled already.
  const features = '["macros", "rt", "signal", "sync", "test-util", "time"]';
  const lines = [
    "[package]",
    'name = "user-of-mesosbridge"',
    'edition = "2024"',
    "[[bin]]",
    'name = "user-of-mesosbridge"',
    `path = ${JSON.stringify(basename(path))}`,
    "[dependencies]",
    `mesosbridge = { path = ${JSON.stringify(client)} }`,
    `tokio = { version = "1", features = ${features} }`,
    profile ?? "",
  ];
  writeFileSync(join(folder, "Cargo.toml"), lines.join("\n"));
  copyFileSync(join(rustCrate, "Cargo.lock"), join(folder, "Cargo.lock"));
  const target = join(rustCrate, "target");
  mkdirSync(target, { recursive: true });
  // Cargo takes crates of one name for one crate. A source that is older than the last build would count as built.
  const now = new Date();
  utimesSync(path, now, now);
  await succeed("cargo", ["build", "--quiet", "--target-dir", target], { cwd: folder });
  // The target folder is shared: the next such crate has a program of the same name.
  const program = join(folder, "program");
  copyFileSync(join(target, "debug/user-of-mesosbridge"), program);
  return { command: program, args: [] };
}
