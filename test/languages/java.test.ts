import { readFileSync, writeFileSync } from "node:fs";
import { expect, it } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { succeed } from "./execute.js";
import { javaClasspath, javaProgram, javaProject } from "./java.js";
import { describeLanguage } from "./toolchain.js";

describeLanguage("Java", ["java", "mvn"], () => {
  const cleanup = cleanupAfterAll();

  it("compiles without a warning and passes its own tests", { timeout: 600_000 }, async () => {
    const output = await succeed("mvn", ["--batch-mode", "test"], { cwd: javaProject });
    expect(output).toMatch(/Tests run: [1-9]\d*, Failures: 0, Errors: 0, Skipped: 0/);
    expect(output).not.toContain("[WARNING]");
  });

  it("has code that compiles in its README", { timeout: 600_000 }, async () => {
    const [, code = ""] = /```java\n(.*?)```/s.exec(readFileSync(`${javaProject}/README.md`, "utf8")) ?? [];
    expect(code).toContain("class Example");
    const folder = await cleanup.tempDir();
    writeFileSync(`${folder}/Example.java`, code);
    await succeed("javac", ["-d", folder, "-cp", await javaClasspath(), `${folder}/Example.java`]);
  });

  testEmptyTasks("Java", () => javaProgram("io.github.mesosbridge.emptytasks.EmptyTasks"));
});
