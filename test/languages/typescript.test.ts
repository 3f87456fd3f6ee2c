import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at } from "../support/paths.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { succeed } from "./execute.js";
import { followGuide } from "./guide.js";

const PROGRAM = `
import { createChannel, createClient } from "nice-grpc";
import { SchedulerServiceDefinition } from "./gen/mesosbridge/v1/scheduler.js";

const channel = createChannel(process.argv[2] ?? "");
const client = createClient(SchedulerServiceDefinition, channel);
for await (const { events } of client.subscribe({ frameworkName: "guide", frameworkInfo: { user: "root", name: "guide" } })) {
  console.log(events[0]?.event?.$case);
  break;
}
channel.close();
`;

describe("TypeScript", () => {
  const cleanup = cleanupAfterAll();

  it("has stubs in a project without a clone, as its guide says", async () => {
    const folder = await cleanup.tempDir();
    symlinkSync(at("node_modules"), join(folder, "node_modules"));
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    await followGuide("typescript.md", folder);
    writeFileSync(join(folder, "src/main.ts"), PROGRAM);
    const options = ["--strict", "--module", "nodenext", "--target", "es2023", "--types", "node", "--skipLibCheck"];
    const compiler = at("node_modules/typescript/bin/tsc");
    const files = ["--rootDir", "src", "--outDir", "out", "src/main.ts"];
    await succeed(process.execPath, [compiler, ...options, ...files], { cwd: folder });
    const bridge = cleanup.use(await startBridge({ master: "127.0.0.1:1" }));
    const printed = await succeed(process.execPath, ["out/main.js", bridge.address], { cwd: folder });
    expect(printed).toBe("opened\n");
  }, 120_000);
});

testEmptyTasks("TypeScript", {
  build: async () => ({ command: process.execPath, args: [at("dist/clients/typescript/empty-tasks/main.js")] }),
});
