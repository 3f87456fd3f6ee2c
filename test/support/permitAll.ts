import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Cleanup } from "./cleanup.js";

/** A permissions file by which every client that proves who it is may do everything. */
export async function permitAll(cleanup: Cleanup): Promise<string> {
  const path = join(await cleanup.tempDir(), "permissions.toml");
  const rule = `[[rule]]
identities = ["*"]
allow = ["attach", "call", "observe", "operate", "import", "reflection", "channelz"]
frameworks = ["*"]
roles = ["*"]
users = ["*"]
principals = ["*"]
`;
  await writeFile(path, rule, { mode: 0o600 });
  return path;
}
