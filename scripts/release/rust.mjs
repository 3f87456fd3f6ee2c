// The Rust client as a crate. It holds descriptors.binpb, so that nobody needs protoc or the protos.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { filesUnder } from "../lib.mjs";
import { succeed } from "./programs.mjs";
import { stage } from "./stage.mjs";

const client = "clients/rust";
const PACK = ["package", "--quiet", "--no-verify", "--exclude-lockfile"];

/** Builds `mesosbridge-VERSION.crate`. */
export async function buildRust({ output, version, scratch }) {
  const folder = join(scratch, "mesosbridge");
  const names = ["Cargo.toml", "build.rs", "descriptors.binpb", "README.md", "LICENSE", "NOTICE"];
  const sources = ["src", "examples/empty-tasks"].flatMap((each) => filesUnder(`${client}/${each}`));
  for (const file of [...names.map((name) => `${client}/${name}`), ...sources]) {
    stage(file, join(folder, file.slice(client.length)));
  }
  await succeed("cargo", [...PACK, "--target-dir", join(scratch, "target")], { cwd: folder });
  const crate = `mesosbridge-${version}.crate`;
  copyFileSync(join(scratch, "target/package", crate), join(output, crate));
}
