import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const execute = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const module = join(root, "bench/go");
/** Compilers with nothing in their caches. */
const TIMEOUT_MS = 300_000;
/** What Go says when it is older than go.mod wants, and can't get a newer one. */
const TOO_OLD = /requires go >=|toolchain not available|download go1/;

const built = new Map<string, Promise<string | undefined>>();
let told = false;

/**
 * A program of bench/go, built once in a process; Go itself knows what of it is current. Undefined where Go is missing or
 * too old, which stderr then says.
 *
 * @throws Error when the program does not build
 */
export function goProgram(name: string): Promise<string | undefined> {
  const building = built.get(name) ?? build(name);
  built.set(name, building);
  return building;
}

/** The version of the Go that builds them, without its `go`; undefined where there is none. */
export async function goVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await execute("go", ["env", "GOVERSION"], { cwd: module });
    return stdout.trim().replace(/^go/, "");
  } catch {
    return undefined;
  }
}

async function build(name: string): Promise<string | undefined> {
  const program = join(root, ".tools/go", `bench-${name}`);
  try {
    const options = { cwd: module, timeout: TIMEOUT_MS };
    await execute("go", ["build", "-o", program, `./${name}`], options);
    return program;
  } catch (error) {
    const reason = missing(error);
    if (reason === undefined) throw error;
    if (!told) process.stderr.write(`bench: figures that need a Go program are left out: ${reason}\n`);
    told = true;
    return undefined;
  }
}

function missing(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && error.code === "ENOENT") return "there is no 'go' in the PATH";
  const output = "stderr" in error ? String(error.stderr) : "";
  return TOO_OLD.test(output) ? `'go' is too old: ${output.trim()}` : undefined;
}
