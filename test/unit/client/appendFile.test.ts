import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AppendFile } from "../../../clients/typescript/invert/appendFile.js";
import { Ledger } from "../../../clients/typescript/invert/ledger.js";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "append-"));
  path = join(folder, "file");
});

const open = (path: string) =>
  new AppendFile(openSync(path, "w"), (cause) => new Error(`${path}: ${(cause as Error).message}`));

afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a file that is appended to", () => {
  it("has everything in order once it is stored", async () => {
    const file = open(path);
    const texts = Array.from({ length: 1_000 }, (_, i) => `${i}\n`);
    for (const [i, text] of texts.entries()) {
      file.append(text);
      if (i % 300 === 0) await file.stored();
    }
    await file.stored();
    expect(readFileSync(path, "utf8")).toBe(texts.join(""));
    await file.close();
  });

  it("puts what comes while a write is under way into one that all share", async () => {
    const file = open(path);
    file.append("a");
    const first = file.stored();
    // The write begins when the turn is over.
    await Promise.resolve();
    file.append("b");
    const second = file.stored();
    file.append("c");
    expect(file.stored()).toBe(second);
    expect(second).not.toBe(first);
    await second;
    expect(readFileSync(path, "utf8")).toBe("abc");
    await file.close();
  });

  it("is stored at once when there is nothing to write", async () => {
    const file = open(path);
    await file.stored();
    await file.close();
  });

  it("tells all who wait when the disk is full, and takes nothing more", async () => {
    const file = open("/dev/full");
    file.append("a");
    const first = file.stored();
    await Promise.resolve();
    file.append("b");
    const second = file.stored();
    await expect(first).rejects.toThrow(/^\/dev\/full: ENOSPC/);
    await expect(second).rejects.toThrow(/^\/dev\/full: ENOSPC/);
    expect(() => file.append("c")).toThrow(/^\/dev\/full: ENOSPC/);
    await expect(file.close()).rejects.toThrow(/^\/dev\/full: ENOSPC/);
  });

  it("writes what nobody waits for before it is closed", async () => {
    const file = open(path);
    file.append("a");
    await file.close();
    expect(readFileSync(path, "utf8")).toBe("a");
  });
});

describe("the ledger", () => {
  it("does not hold up the process while it writes", async () => {
    const ledger = Ledger.open(folder);
    let stored = false;
    const turns: boolean[] = [];
    const turn = () => {
      turns.push(stored);
      if (!stored) setImmediate(turn);
    };
    setImmediate(turn);
    ledger.saveExecutor({ agentId: "a", executorId: "e", info: "" });
    await ledger.stored();
    stored = true;
    expect(turns).toContain(false);
    await ledger.close();
  });
});
