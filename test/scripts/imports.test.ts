import { cp, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { startProcess } from "../support/childProcess.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { within } from "../support/eventually.js";
import { at } from "../support/paths.js";

const cleanup = cleanupAfterAll();

/** The check of imports, run in a checkout that holds nothing but the scripts and the files of the test. */
describe("the check of imports", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await cleanup.tempDir();
    await cp(at("scripts"), join(folder, "scripts"), { recursive: true });
  });

  async function check(files: Record<string, string>): Promise<{ code: number | null; log: string }> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
    }
    const script = join(folder, "scripts/check-imports.mjs");
    const checked = cleanup.use(await startProcess({ command: process.execPath, args: [script] }));
    const { code } = await within(checked.exited, { timeoutMs: 40_000 });
    return { code, log: checked.log() };
  }

  test("takes modules that import each other in one direction", async () => {
    const files = {
      "wire/low.ts": "export type Low = string;\n",
      "wire/high.ts": 'import type { Low } from "./low.js";\nexport type High = Low;\n',
    };
    expect(await check(files)).toEqual({ code: 0, log: "" });
  });

  test.each([
    ["by their types", 'import type { Low } from "./low.js";'],
    ["by a type among other imports", 'import { type Low } from "./low.js";'],
    ["by what they export again", 'export type { Low } from "./low.js";'],
    ["by the type of a module", 'type Low = import("./low.js").Low;'],
    ["by values", 'import { low } from "./low.js";'],
  ])("refuses modules that know each other %s", async (_, line) => {
    const files = {
      "wire/low.ts": 'import type { High } from "./high.js";\nexport type Low = High;\nexport const low = 1;\n',
      "wire/high.ts": `${line}\nexport type High = string;\n`,
    };
    const { code, log } = await check(files);
    expect(code).toBe(1);
    expect(log).toContain("a circle of imports: wire/low.ts -> wire/high.ts -> wire/low.ts");
  });

  test("refuses folders that know each other, though no two of their modules do", async () => {
    const files = {
      "embedded/agent/a.ts": 'import type { B } from "../master/b.js";\nexport type A = B;\n',
      "embedded/agent/c.ts": "export type C = string;\n",
      "embedded/master/b.ts": "export type B = string;\n",
      "embedded/master/d.ts": 'import type { C } from "../agent/c.js";\nexport type D = C;\n',
    };
    const { code, log } = await check(files);
    expect(code).toBe(1);
    expect(log).toContain("a circle of imports: embedded/master -> embedded/agent -> embedded/master");
  });

  test("refuses a module in a folder that no row of the table is about", async () => {
    const { code, log } = await check({ "server/new/module.ts": "export const one = 1;\n" });
    expect(code).toBe(1);
    expect(log).toContain("server/new/module.ts is in no area");
  });
});
