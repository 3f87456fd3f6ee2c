import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { at } from "../../support/paths.js";
import { succeed } from "../execute.js";
import { goModule } from "../go.js";

/** Changes of a file. Each has to apply, or what it is for would go untested without a word. */
export interface Edit {
  /** Within the copy. */
  file: string;
  /** What is replaced: all of it that is there. */
  find: RegExp;
  by: string;
}

/** Makes the edits. @throws Error that names the one that finds nothing */
export function edit(folder: string, edits: readonly Edit[]): void {
  for (const { file, find, by } of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, "utf8");
    if (!find.test(text)) throw new Error(`${file} has nothing like ${find}`);
    writeFileSync(path, text.replace(find, by));
  }
}

const buf = (...args: string[]) => succeed(process.execPath, [at("node_modules/@bufbuild/buf/bin/buf"), ...args]);

/** Makes an image of the protos in `folder`. */
export async function buildImage(folder: string, image: string): Promise<void> {
  await buf("build", folder, "--exclude-source-info", "-o", image);
}

/**
 * A copy of the Go client with the stubs of another API.
 *
 * @param image of that API, as buf writes it
 * @param edits of the client, where it can't be compiled as it is
 * @returns the folder of its module
 */
export async function copyGoClient(folder: string, image: string, edits: readonly Edit[]): Promise<string> {
  const client = join(folder, "client");
  cpSync(goModule, client, { recursive: true });
  // Another API may have fewer files.
  for (const stubs of ["mesos", "mesosbridge/v1"]) rmSync(join(client, stubs), { recursive: true });
  const lines = readFileSync(at("buf.gen.go.yaml"), "utf8")
    .replace(/ {2}- directory: \.\n/, `  - binary_image: ${image}\n`)
    .replaceAll("proto/mesos", "mesos")
    .replaceAll("out: clients/go", `out: ${client}`);
  // Gets the generators.
  await succeed(process.execPath, [at("scripts/generate-clients.mjs"), "go"]);
  const template = join(folder, "buf.gen.yaml");
  writeFileSync(template, lines);
  await buf("generate", "--template", template);
  edit(client, edits);
  return client;
}

/** Builds one of its commands, whose source may come from another file. */
export async function buildCommand(client: string, command: string, source?: string): Promise<string> {
  if (source !== undefined) {
    const path = join(client, "cmd", command, "main.go");
    mkdirSync(dirname(path), { recursive: true });
    cpSync(source, path);
  }
  const program = join(client, `${command}.program`);
  await succeed("go", ["build", "-o", program, `./cmd/${command}`], { cwd: client });
  return program;
}
