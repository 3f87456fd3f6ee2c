import { copyFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { rustCrate } from "../languages/rust.js";
import { runIn } from "./release.js";

/**
 * Makes a crate beside a source file, as a user of the client has one, and builds it. Gives the program.
 *
 * @param client the folder of the client's crate
 */
export async function buildCargoProject(path: string, client: string): Promise<string> {
  const folder = dirname(path);
  const manifest = readFileSync(join(rustCrate, "Cargo.toml"), "utf8");
  const [profile] = /\[profile\.dev\](\n.+)+/.exec(manifest) ?? [];
  // With the features and versions of the checkout's tests, the crates that it needs are compiled already.
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
  await runIn(folder, "cargo", ["build", "--quiet", "--target-dir", target]);
  return join(target, "debug/user-of-mesosbridge");
}
