import { buildGo } from "../languages/go.js";
import { javaProgram } from "../languages/java.js";
import { pythonFolder, pythonProgram } from "../languages/python.js";
import { buildRust } from "../languages/rust.js";
import { at } from "../support/paths.js";
import type { Command } from "./driverProcess.js";

/** A language whose client is held against the cases. */
export interface Language {
  name: string;
  /** Gets what the driver needs, if it is not there, and says how to start it. */
  prepare: () => Promise<Command>;
  /** What has to be in PATH. Without it the language is left out, and that is said; with CI=true its cases fail. */
  programs: readonly string[];
}

/** To add a language: write its driver, name it here, and add its test file beside this one. */
export const languages: readonly Language[] = [
  {
    name: "TypeScript",
    prepare: async () => ({
      command: process.execPath,
      args: [at("dist/clients/typescript/conformance/main.js")],
    }),
    programs: [],
  },
  { name: "Go", prepare: async () => ({ command: await buildGo("conformance"), args: [] }), programs: ["go"] },
  {
    name: "Python (asyncio)",
    prepare: () => pythonProgram(`${pythonFolder}/conformance/main.py`),
    programs: ["python3"],
  },
  {
    name: "Python (blocking)",
    prepare: () => pythonProgram(`${pythonFolder}/conformance/main.py`, "--blocking"),
    programs: ["python3"],
  },
  {
    name: "Java",
    prepare: () => javaProgram("io.github.mesosbridge.conformance.Conformance"),
    programs: ["java", "mvn"],
  },
  { name: "Rust", prepare: async () => ({ command: await buildRust("conformance"), args: [] }), programs: ["cargo"] },
];

/** The language of that name. */
export function languageNamed(name: string): Language {
  const found = languages.find((language) => language.name === name);
  if (!found) throw new Error(`no language is named ${name}`);
  return found;
}
