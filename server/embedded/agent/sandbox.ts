import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Makes an executor's sandbox with its empty outputs, and has `latest` beside it lead there. */
export async function prepareSandbox(sandbox: string): Promise<void> {
  await mkdir(sandbox, { recursive: true });
  await writeFile(join(sandbox, "stdout"), "");
  await writeFile(join(sandbox, "stderr"), "");
  const latest = join(sandbox, "..", "latest");
  await rm(latest, { force: true });
  await symlink(sandbox, latest);
}
