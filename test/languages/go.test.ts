import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cleanupAfterAll } from "../support/cleanup.js";
import { at } from "../support/paths.js";
import { testEmptyTasks } from "./emptyTasks.js";
import { execute, succeed } from "./execute.js";
import { buildGo, goBenchModule, goModule } from "./go.js";
import { followGuide } from "./guide.js";

/** Compilers with nothing in their caches. */
const COLD_MS = 540_000;

describe.each([
  ["the Go client", goModule],
  ["the benchmarks' module in Go", goBenchModule],
])("%s", (_, cwd) => {
  it(
    "is formatted, and go vet has nothing to say",
    async () => {
      expect(await succeed("gofmt", ["-l", "."], { cwd })).toBe("");
      await succeed("go", ["vet", "./..."], { cwd });
    },
    COLD_MS,
  );

  it(
    "has all that it needs in go.mod and go.sum",
    async () => {
      await succeed("go", ["mod", "tidy", "-diff"], { cwd });
    },
    COLD_MS,
  );
});

describe("the Go client", () => {
  const cleanup = cleanupAfterAll();

  it(
    "passes its own tests",
    async () => {
      await succeed("go", ["test", "-race", "./..."], { cwd: goModule });
    },
    COLD_MS,
  );

  it(
    "has the stubs that the protos give",
    async () => {
      const folder = await cleanup.tempDir();
      await succeed(process.execPath, [at("scripts/generate-clients.mjs"), "go", `--output=${folder}`]);
      for (const stubs of ["mesos", "mesosbridge/v1"]) {
        const { output } = await execute("diff", ["-rq", join(folder, stubs), join(goModule, stubs)]);
        expect(output).toBe("");
      }
    },
    COLD_MS,
  );

  it(
    "has stubs in a project without a clone, as its guide says",
    async () => {
      const folder = await cleanup.tempDir();
      await succeed(process.execPath, [at("scripts/generate-clients.mjs"), "go"]);
      await followGuide("go.md", folder);
      for (const file of ["go.mod", "go.sum"]) copyFileSync(join(goModule, file), join(folder, file));
      await succeed("go", ["mod", "edit", "-module=example.org/me/scheduler"], { cwd: folder });
      await succeed("go", ["vet", "./..."], { cwd: folder });
    },
    COLD_MS,
  );
});

testEmptyTasks("Go", {
  build: async () => ({ command: await buildGo("empty-tasks"), args: [] }),
  duration: (seconds) => `${seconds}s`,
});
