import { chown, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { User } from "./users.js";

/**
 * Makes an executor's sandbox with its empty outputs, and has `latest` beside it lead there. It belongs to `owner` where the
 * cluster runs as root, who alone can give files away.
 */
export async function prepareSandbox(sandbox: string, owner?: User): Promise<void> {
  await mkdir(sandbox, { recursive: true });
  await writeFile(join(sandbox, "stdout"), "");
  await writeFile(join(sandbox, "stderr"), "");
  if (owner && process.getuid?.() === 0) {
    const files = [sandbox, join(sandbox, "stdout"), join(sandbox, "stderr")];
    await Promise.all(files.map((file) => chown(file, owner.uid, owner.gid)));
  }
  const latest = join(sandbox, "..", "latest");
  await rm(latest, { force: true });
  await symlink(sandbox, latest);
}
