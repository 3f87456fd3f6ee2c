import { mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { at } from "../support/paths.js";

export const typescriptCompiler = at("node_modules/typescript/bin/tsc");

/** Puts what the client's package needs beside it, and nothing else of this project: `modules` is a node_modules folder. */
export function linkDependencies(modules: string): void {
  const manifest = readFileSync(at("clients/typescript/package.json"), "utf8");
  const { dependencies } = JSON.parse(manifest) as { dependencies: Record<string, string> };
  for (const dependency of [...Object.keys(dependencies), "@types/node", "undici-types"]) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true });
    symlinkSync(at("node_modules", dependency), join(modules, dependency));
  }
}
