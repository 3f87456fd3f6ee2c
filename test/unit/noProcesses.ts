import childProcess, { ChildProcess } from "node:child_process";
import { syncBuiltinESMExports } from "node:module";
import { expect } from "vitest";

/** Unit tests start no process: what they test is a module, and they all take less than a minute. This holds it. */
function refuse(): never {
  throw new Error(
    `${expect.getState().testPath} starts a process: its place is test/system, or the suite of what it tests`,
  );
}

// All that does not block ends here.
Object.assign(ChildProcess.prototype, { spawn: refuse });
for (const name of ["spawnSync", "execSync", "execFileSync"] as const) Object.assign(childProcess, { [name]: refuse });
syncBuiltinESMExports();
