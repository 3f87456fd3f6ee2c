import { readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { startBridge } from "../support/bridge.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at } from "../support/paths.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { succeed } from "./execute.js";
import { followGuide } from "./guide.js";
import { typescriptCompiler } from "./typescript.js";

const PROGRAM = `
import { createChannel, createClient } from "nice-grpc";
import { SchedulerServiceDefinition } from "./gen/mesosbridge/v1/scheduler.js";

const channel = createChannel(process.argv[2] ?? "", undefined, { "grpc.enable_http_proxy": 0 });
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
    const files = ["--rootDir", "src", "--outDir", "out", "src/main.ts"];
    await succeed(process.execPath, [typescriptCompiler, ...options, ...files], { cwd: folder });
    const bridge = cleanup.use(await startBridge({ master: "127.0.0.1:1" }));
    const printed = await succeed(process.execPath, ["out/main.js", bridge.address], { cwd: folder });
    expect(printed).toBe("opened\n");
  }, 120_000);
});

testEmptyTasks("TypeScript", {
  build: async () => ({ command: process.execPath, args: [at("dist/clients/typescript/empty-tasks/main.js")] }),
});

describe("the clients' packages", () => {
  it("are of one version and licence", () => {
    const read = (path: string) => readFileSync(at(path), "utf8");
    const { version, license } = JSON.parse(read("package.json")) as { version: string; license: string };
    const { version: own, license: ownLicense } = JSON.parse(read("clients/typescript/package.json"));
    expect([own, ownLicense]).toEqual([version, license]);
    for (const manifest of ["clients/rust/Cargo.toml", "clients/python/pyproject.toml"]) {
      expect(read(manifest)).toContain(`\nversion = "${version}"\n`);
      expect(read(manifest)).toContain(`\nlicense = "${license}"\n`);
    }
    expect(read("clients/go/mesosbridge/doc.go")).toContain(`\nconst Version = "${version}"\n`);
    const java = "clients/java/src/main/java/io/github/mesosbridge/Scheduler.java";
    expect(read(java)).toContain(`String VERSION = "${version}";`);
    const pom = read("clients/java/pom.xml");
    expect(pom).toContain(`<artifactId>mesosbridge</artifactId>\n  <version>${version}</version>`);
    expect(pom).toContain(`<name>${license}</name>`);
    for (const client of ["go", "java", "python", "rust", "typescript"])
      for (const file of ["LICENSE", "NOTICE"]) expect(read(`clients/${client}/${file}`)).toBe(read(file));
  });
});
