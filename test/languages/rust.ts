import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

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
