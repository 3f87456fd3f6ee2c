import { delimiter } from "node:path";
import { expect, it } from "vitest";
import { testEmptyTasks } from "./emptyTasks.js";
import { succeed } from "./execute.js";
import { javaClasspath, javaProgram, maven } from "./java.js";
import { testReadme } from "./readme.js";
import { describeLanguage } from "./toolchain.js";

describeLanguage("Java", ["java", "mvn"], () => {
  it("compiles without a warning and passes its own tests", { timeout: 600_000 }, async () => {
    const output = await maven("test");
    expect(output).toMatch(/Tests run: [1-9]\d*, Failures: 0, Errors: 0, Skipped: 0/);
    expect(output).not.toContain("[WARNING]");
  });

  testEmptyTasks("Java", { build: () => javaProgram("io.github.mesosbridge.emptytasks.EmptyTasks") });

  testReadme("Java", {
    client: "java",
    file: "Hello.java",
    async build(path, folder) {
      const classpath = await javaClasspath();
      await succeed("javac", ["-Xlint:all", "-Werror", "-proc:none", "-d", folder, "-cp", classpath, path]);
      return { command: "java", args: ["-cp", [folder, classpath].join(delimiter), "Hello"] };
    },
  });
});
