// Puts the programs that tests use, and that npm does not have, into .tools/bin. Does only what is missing:
// `go install` keeps what it has compiled, so a second checkout has them in a second.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { at, isMain, readIfThere, run, withLock } from "./lib.mjs";

const tools = { grpcurl: "github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.3" };

/**
 * Installs the tools. Gives undefined, or why they can't be had here.
 *
 * @param options.quiet print only what fails. Default false
 */
export async function installTools({ quiet = false } = {}) {
  return withLock("tools", async () => {
    for (const [name, module] of Object.entries(tools)) {
      const missing = await installTool(name, module, quiet);
      if (missing !== undefined) return missing;
    }
    return undefined;
  });
}

async function installTool(name, module, quiet) {
  const stamp = `.tools/bin/.${name}`;
  if (existsSync(at(".tools/bin", name)) && readIfThere(stamp) === module) return undefined;
  mkdirSync(at(".tools/bin"), { recursive: true });
  if (!quiet) console.error(`installing ${name} (about two minutes when nothing is cached)`);
  try {
    const env = { ...process.env, GOBIN: at(".tools/bin"), GOFLAGS: "" };
    const { status, output } = await run("go", ["install", module], { env, cwd: at(".tools"), capture: true });
    if (status !== 0) return `go install ${module} failed:\n${output}`;
  } catch (error) {
    return `${name} needs Go to be built: ${error.message}`;
  }
  writeFileSync(at(stamp), module);
  return undefined;
}

if (isMain(import.meta.url)) {
  const missing = await installTools();
  if (missing !== undefined) {
    console.error(`install-tools: ${missing}`);
    process.exitCode = 1;
  }
}
