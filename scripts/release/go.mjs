// The Go client as a module proxy in a folder: what GOPROXY=file://... reads.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../lib.mjs";
import { succeed } from "./programs.mjs";
import { RELEASE_TIME } from "./stage.mjs";
import { writeZip } from "./zip.mjs";

const client = "clients/go";

/** Builds the module as a proxy would make it from the tag `clients/go/vVERSION`: with all files that git has of it. */
export async function buildGo({ output, version }) {
  const mod = readFileSync(at(client, "go.mod"), "utf8");
  const module = /^module (\S+)$/m.exec(mod)?.[1] ?? "";
  const folder = join(output, module, "@v");
  mkdirSync(folder, { recursive: true });
  const files = (await succeed("git", ["ls-files", "-z", client]))
    .split("\0")
    .filter((file) => file !== "")
    .sort();
  const entries = files.map((file) => [`${module}@v${version}${file.slice(client.length)}`, readFileSync(at(file))]);
  writeZip(join(folder, `v${version}.zip`), entries);
  writeFileSync(join(folder, `v${version}.mod`), mod);
  const time = RELEASE_TIME.toISOString().replace(".000", "");
  writeFileSync(join(folder, `v${version}.info`), `${JSON.stringify({ Version: `v${version}`, Time: time })}\n`);
  writeFileSync(join(folder, "list"), `v${version}\n`);
}
