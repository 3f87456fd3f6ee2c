// The TypeScript client as an npm package: the library, its types, and the stubs.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { at, node } from "../lib.mjs";
import { packNpm } from "./npm.mjs";
import { stage, stageReadme } from "./stage.mjs";

const client = "clients/typescript";

/** Builds `mesosbridge-VERSION.tgz` and its SBOM. */
export async function buildTypeScript({ output, scratch }) {
  const folder = join(scratch, "mesosbridge");
  const compile = ["-p", at(client, "tsconfig.json"), "--outDir", join(folder, "build")];
  const { status, output: said } = await node([at("node_modules/typescript/bin/tsc"), ...compile], { capture: true });
  if (status !== 0) throw new Error(`the compiler found errors\n${said}`);
  for (const file of ["LICENSE", "NOTICE"]) stage(file, join(folder, file));
  stageReadme(`${client}/README.md`, join(folder, "README.md"));
  const { scripts, files, ...manifest } = JSON.parse(readFileSync(at(client, "package.json"), "utf8"));
  await packNpm(folder, { ...manifest, files: [...files, "NOTICE"] }, output);
}
