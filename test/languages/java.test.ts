import { expect, it } from "vitest";
import { testEmptyTasks } from "./emptyTasks.js";
import { javaProgram, maven } from "./java.js";
import { describeLanguage } from "./toolchain.js";

describeLanguage("Java", ["java", "mvn"], () => {
  it("compiles without a warning and passes its own tests", { timeout: 600_000 }, async () => {
    const output = await maven("test");
    expect(output).toMatch(/Tests run: [1-9]\d*, Failures: 0, Errors: 0, Skipped: 0/);
    expect(output).not.toContain("[WARNING]");
  });

  testEmptyTasks("Java", { build: () => javaProgram("io.github.mesosbridge.emptytasks.EmptyTasks") });
});
