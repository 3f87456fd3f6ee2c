import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { at } from "../support/paths.js";

/**
 * The first example of a client's README as it stands there, with the bridge's address in the place of its own. It
 * launches a task, sees it finish, and ends its framework.
 */
export function firstExample(client: string, address: string): string {
  const readme = readFileSync(at("clients", client, "README.md"), "utf8");
  const [, code = ""] = /```\w+[\w,]*\n(.*?)```/s.exec(readme) ?? [];
  expect(code).toContain("127.0.0.1:50051");
  expect(code.split("\n").length).toBeLessThanOrEqual(45);
  return code.replace("127.0.0.1:50051", address);
}
