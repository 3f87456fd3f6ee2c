import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { startBridge } from "../support/bridge.js";
import { at } from "../support/paths.js";
import { succeed } from "./execute.js";

/**
 * Does what a page of docs/languages says of stubs: writes its buf.gen.yaml, if it has one, and runs its last block of
 * commands in `folder`, with these folders in the path. A bridge without a Mesos does: it tells its API all the same.
 */
export async function followGuide(page: string, folder: string, path: string[] = []): Promise<void> {
  await succeed(process.execPath, [at("scripts/install-tools.mjs")]);
  const bridge = await startBridge({ master: "127.0.0.1:1" });
  try {
    await follow(page, bridge.address, folder, [at(".tools/bin"), ...path]);
  } finally {
    await bridge.stop();
  }
}

async function follow(page: string, address: string, folder: string, path: string[]): Promise<void> {
  const text = readFileSync(at("docs/languages", page), "utf8");
  const blocks = (tag: string) =>
    [...text.matchAll(new RegExp(`\`\`\`${tag}\\n(.*?)\`\`\``, "gs"))].map(([, code]) => code);
  const [template] = blocks("yaml");
  if (template !== undefined) writeFileSync(join(folder, "buf.gen.yaml"), template);
  const commands = blocks("sh").at(-1) ?? "";
  expect(commands).toContain("127.0.0.1:50051");
  const env = { ...process.env, PATH: [...path, at("node_modules/.bin"), process.env.PATH].join(":") };
  await succeed("sh", ["-ec", commands.replace("127.0.0.1:50051", address)], { cwd: folder, env });
}
