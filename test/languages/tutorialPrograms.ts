import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";
import { goModule } from "./go.js";
import type { Program } from "./program.js";
import { preparePython, pythonEnv } from "./python.js";
import { linkDependencies, typescriptCompiler } from "./typescript.js";

/** One language of docs/tutorial.md. */
export interface TutorialLanguage {
  name: string;
  /** How the names of its programs end. */
  extension: string;
  /** Builds all programs in `folder`, where their sources lie, and gives the one of a step. */
  build: (folder: string) => Promise<(step: number) => Program>;
}

export const tutorialLanguages: readonly TutorialLanguage[] = [
  { name: "TypeScript", extension: ".ts", build: buildTypeScript },
  { name: "Go", extension: ".go", build: buildGo },
  { name: "Python", extension: ".py", build: preparePrograms },
];

/**
 * Takes the programs from the page, as a reader does. What a reader does not do: several frameworks run at one bridge,
 * so each gets a name of its own, and the bridge's port is not the page's.
 */
export async function takePrograms(
  folder: string,
  { name, extension }: TutorialLanguage,
  bridge: string,
): Promise<void> {
  await succeed(process.execPath, [at("scripts/tutorial.mjs"), folder]);
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(extension));
  for (const path of paths.map((each) => join(folder, each))) {
    const [, step = ""] = /step(\d)/.exec(path) ?? [];
    const code = readFileSync(path, "utf8");
    const own = code.replace("127.0.0.1:50051", bridge).replace('"tutorial"', `"${frameworkOf(name, step)}"`);
    if (step !== "" && !(own.includes(bridge) && own.includes(frameworkOf(name, step)))) {
      throw new Error(`${path} names neither the bridge nor its framework as the others do`);
    }
    writeFileSync(path, own);
  }
}

/** The framework of a step's program, as `takePrograms` names it. */
export function frameworkOf(language: string, step: number | string): string {
  return `tutorial-${language.toLowerCase()}-${step}`;
}

/** The package as it is published, but made here: `npm pack` would write where another test may be reading. */
async function buildTypeScript(folder: string): Promise<(step: number) => Program> {
  const own = join(folder, "node_modules/mesosbridge");
  mkdirSync(own, { recursive: true });
  copyFileSync(at("clients/typescript/package.json"), join(own, "package.json"));
  const project = ["-p", at("clients/typescript/tsconfig.json"), "--outDir", join(own, "build")];
  await succeed(process.execPath, [typescriptCompiler, ...project]);
  linkDependencies(join(folder, "node_modules"));
  await succeed(process.execPath, [typescriptCompiler], { cwd: folder });
  return (step) => ({ command: process.execPath, args: [join(folder, `step${step}.js`)], cwd: folder });
}

/** What `go mod tidy` would have to look up is what the client's own module names. */
async function buildGo(folder: string): Promise<(step: number) => Program> {
  const client = "github.com/mesos-bridge/mesos-bridge/clients/go";
  for (const file of ["go.mod", "go.sum"]) cpSync(join(goModule, file), join(folder, file));
  const edits = ["-module=tutorial", `-require=${client}@v0.0.0`, `-replace=${client}=${goModule}`];
  await succeed("go", ["mod", "edit", ...edits], { cwd: folder });
  await succeed("go", ["build", "-o", "bin/", "./..."], { cwd: folder });
  return (step) => ({ command: join(folder, `bin/step${step}`), args: [], cwd: folder });
}

async function preparePrograms(folder: string): Promise<(step: number) => Program> {
  const command = await preparePython();
  return (step) => ({ command, args: [join(folder, `step${step}.py`)], cwd: folder, env: pythonEnv });
}
