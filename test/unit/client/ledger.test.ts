import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockFolder } from "../../../clients/typescript/invert/folderLock.js";
import type { ImageRecord } from "../../../clients/typescript/invert/image.js";
import type { Input } from "../../../clients/typescript/invert/input.js";
import { LEDGER_FILE, Ledger } from "../../../clients/typescript/invert/ledger.js";
import { planImages } from "../../../clients/typescript/invert/plan.js";
import { ResultNames } from "../../../clients/typescript/invert/resultNames.js";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ledger-"));
  path = join(folder, LEDGER_FILE);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const input = (name: string, size = 1): Input => ({
  key: `/in/${name}`,
  kind: "file",
  name,
  label: name,
  size,
  mtimeMs: 7,
});
const task = { id: "x-1", agentId: "a", host: "h (S0)", executorId: "e", launchTimeMs: 1, origin: "http://h:1" };
const run = {
  version: 1 as const,
  frameworkName: "f",
  bindHost: "127.0.0.1",
  port: 4711,
  advertisedHost: "127.0.0.1",
  archiveToken: "t",
  frameworkOpen: true,
};

/** Plans as the program does when it is called with these inputs. */
function plan(ledger: Ledger, ...inputs: Input[]): ImageRecord[] {
  return planImages(inputs, ledger.images, new ResultNames([]), folder);
}

describe("the ledger", () => {
  it("has everything again in the next process, though the first never closed it", async () => {
    const first = Ledger.open(folder);
    const [a, b] = plan(first, input("a.png"), input("b.png")) as [ImageRecord, ImageRecord];
    first.saveRun(run);
    first.saveImages([a, b]);
    first.saveImages([{ ...a, state: "launched", launches: 1, task }]);
    first.saveExecutor({ agentId: "a", executorId: "e", info: "AQID" });
    first.saveExecutor({ agentId: "gone", executorId: "e2", info: "" });
    first.forgetExecutor("gone");
    await first.stored();
    const second = Ledger.open(folder);
    expect(second.run).toEqual(run);
    expect([...second.images.values()]).toEqual([{ ...a, state: "launched", launches: 1, task }, b]);
    expect([...second.executors.values()]).toEqual([{ agentId: "a", executorId: "e", info: "AQID" }]);
    await first.close();
    await second.close();
  });

  it("is as before the last write when a crash cut that short", async () => {
    const first = Ledger.open(folder);
    const [a] = plan(first, input("a.png")) as [ImageRecord];
    first.saveImages([a]);
    await first.close();
    appendFileSync(path, JSON.stringify({ image: { ...a, state: "done" } }).slice(0, -20));
    const second = Ledger.open(folder);
    expect(second.images.get(a.key)).toEqual(a);
    second.saveImages([{ ...a, state: "failed", reason: "r" }]);
    await second.close();
    expect(Ledger.open(folder).images.get(a.key)?.state).toBe("failed");
  });

  it("does not grow with every call, and keeps its secrets to its owner", async () => {
    for (let i = 0; i < 5; i++) {
      const ledger = Ledger.open(folder);
      ledger.saveImages(plan(ledger, input("a.png")));
      await ledger.close();
    }
    expect(readFileSync(path, "utf8").trimEnd().split("\n").length).toBe(2);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it.each([["no JSON"], ['{"image":{"id":1}}'], ['{"other":1}'], [JSON.stringify({ run: { ...run, version: 2 } })]])(
    "that holds %s is refused with its line, and left as it is",
    (line) => {
      writeFileSync(path, `${JSON.stringify({ run })}\n${line}\n`);
      expect(() => Ledger.open(folder)).toThrow("can't be read at line 2: remove it to begin anew");
      expect(readFileSync(path, "utf8")).toContain(line);
    },
  );
});

describe("a second call", () => {
  /** A ledger with one image in that state, opened again. */
  async function reopened(changes: Partial<ImageRecord>): Promise<{ ledger: Ledger; before: ImageRecord }> {
    const ledger = Ledger.open(folder);
    const [image] = plan(ledger, input("a.png")) as [ImageRecord];
    const before = { ...image, ...changes };
    ledger.saveImages([before]);
    await ledger.close();
    return { ledger: Ledger.open(folder), before };
  }
  const result = { file: "a-inverted.png", bytes: 3 };
  const arrive = () => writeFileSync(join(folder, "a-inverted.png"), "abc");

  it("leaves what is done", async () => {
    arrive();
    const { ledger, before } = await reopened({ state: "done", result, launches: 1, losses: 2, task, durationMs: 5 });
    expect(plan(ledger, input("a.png"))).toEqual([{ ...before, losses: 0 }]);
  });

  it("does again what is done when the result is gone, or the file is another", async () => {
    const { ledger, before } = await reopened({ state: "done", result, launches: 1, task, durationMs: 5 });
    expect(plan(ledger, input("a.png"))).toMatchObject([{ id: before.id, state: "waiting", launches: 1 }]);
    arrive();
    const [changed] = plan(ledger, input("a.png", 2)) as [ImageRecord];
    expect(changed).toMatchObject({ state: "waiting", launches: 0, resultName: before.resultName });
    expect(changed.id).not.toBe(before.id);
    expect(changed.result).toBeUndefined();
    expect(() => statSync(join(folder, "a-inverted.png"))).toThrow();
  });

  it("gives what failed another chance", async () => {
    const { ledger, before } = await reopened({ state: "failed", reason: "lost", launches: 4, losses: 4, task });
    const [again] = plan(ledger, input("a.png")) as [ImageRecord];
    expect(again).toMatchObject({ id: before.id, token: before.token, state: "waiting", launches: 4, losses: 0 });
    expect(again.reason).toBeUndefined();
  });

  it("finds what was launched again, with the same task and token", async () => {
    const { ledger, before } = await reopened({ state: "launched", launches: 1, task });
    expect(plan(ledger, input("a.png"))).toMatchObject([{ state: "launched", task, token: before.token }]);
  });

  it("has the result that was put in place just before the crash", async () => {
    const { ledger } = await reopened({ state: "launched", launches: 1, task });
    arrive();
    expect(plan(ledger, input("a.png"))).toMatchObject([{ state: "launched", result }]);
  });

  it("gives new images names of their own", async () => {
    const { ledger, before } = await reopened({ state: "waiting" });
    const names = new ResultNames([before.resultName]);
    const planned = planImages([input("a.png"), { ...input("a.png"), key: "/b/a.png" }], ledger.images, names, folder);
    expect(planned.map(({ resultName }) => resultName)).toEqual(["a-inverted.png", "a-inverted-2.png"]);
  });
});

describe("the lock of a folder", () => {
  it("keeps another process out while its owner lives, and no longer", () => {
    const lock = join(folder, ".invert-lock");
    writeFileSync(lock, `${process.ppid}\n`);
    expect(() => lockFolder(folder)).toThrow(`process ${process.ppid}`);
    // No process has this number: it is above what Linux gives out.
    writeFileSync(lock, "99999999\n");
    const unlock = lockFolder(folder);
    expect(readFileSync(lock, "utf8")).toMatch(new RegExp(`^${process.pid} `));
    unlock();
    expect(() => statSync(lock)).toThrow();
  });

  it("is not kept by a process that got the number of its owner, here or on another machine", () => {
    const lock = join(folder, ".invert-lock");
    const unlock = lockFolder(folder);
    const own = readFileSync(lock, "utf8");
    unlock();
    const sameNumber = own.replace(String(process.pid), String(process.ppid));
    const [, machine = "-"] = own.split(" ");
    for (const owner of [sameNumber, sameNumber.replace(machine, "elsewhere")]) {
      writeFileSync(lock, owner);
      lockFolder(folder)();
    }
  });

  it("is left to the process that has taken it over", () => {
    const lock = join(folder, ".invert-lock");
    const unlock = lockFolder(folder);
    writeFileSync(lock, "7 elsewhere 1\n");
    unlock();
    expect(readFileSync(lock, "utf8")).toBe("7 elsewhere 1\n");
  });

  it("makes the folder, and says why where it can't", () => {
    lockFolder(join(folder, "a/b"))();
    writeFileSync(join(folder, "file"), "");
    expect(() => lockFolder(join(folder, "file"))).toThrow("--output: ");
  });
});
