import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeBridge } from "../support/describeBridge.js";
import { at } from "../support/paths.js";
import {
  expectExit,
  expectTasksToFinish,
  expectTasksToOutliveTheBridge,
  expectToSayThatThereIsNoBridge,
  firstExample,
  followGuide,
  type Program,
} from "./client.js";
import { execute, succeed } from "./execute.js";
import { buildGo, goModule } from "./go.js";

/** Compilers with nothing in their caches. */
const COLD_MS = 540_000;
let emptyTasks: Program;

beforeAll(async () => {
  emptyTasks = { command: await buildGo("empty-tasks"), args: [] };
}, COLD_MS);

describe("the Go client", () => {
  const cleanup = cleanupAfterAll();

  it(
    "is formatted, and go vet has nothing to say",
    async () => {
      expect(await succeed("gofmt", ["-l", "."], { cwd: goModule })).toBe("");
      await succeed("go", ["vet", "./..."], { cwd: goModule });
    },
    COLD_MS,
  );

  it(
    "passes its own tests",
    async () => {
      await succeed("go", ["test", "-race", "./..."], { cwd: goModule });
    },
    COLD_MS,
  );

  it(
    "has all that it needs in go.mod and go.sum",
    async () => {
      await succeed("go", ["mod", "tidy", "-diff"], { cwd: goModule });
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

  it("says that there is no bridge, and ends with 1", async () => {
    await expectToSayThatThereIsNoBridge(emptyTasks, "500ms");
  });

  it("ends with 2 when it is called wrongly", async () => {
    const { status, output } = await execute(emptyTasks.command, ["--tasks", "0"]);
    expect({ status, output }).toEqual({ status: 2, output: "empty-tasks: --tasks must be at least 1\n" });
  });
});

describeBridge("the Go client", { resources: "cpus:1;mem:2048" }, (suite) => {
  it("runs empty tasks", async () => {
    await expectTasksToFinish(suite(), emptyTasks, "go-empty-tasks");
  });

  it("runs them while the bridge is killed and started again", async () => {
    await expectTasksToOutliveTheBridge(suite(), emptyTasks, "go-killed");
  });

  it("is as its README says", async () => {
    const folder = await suite().cleanup.tempDir();
    const source = join(folder, "main.go");
    writeFileSync(source, firstExample(readFileSync(join(goModule, "README.md"), "utf8"), suite().bridge.address));
    expect((await succeed("gofmt", ["-l", source])).trim()).toBe("");
    const run = await startProcess({ command: "go", args: ["run", source], cwd: goModule });
    suite().cleanup.use(run);
    await expectExit(run, 0);
    expect(run.log()).toContain("TASK_FINISHED");
  });
});
