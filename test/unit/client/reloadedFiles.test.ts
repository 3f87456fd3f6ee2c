import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { UsageError } from "../../../clients/typescript/library/program.js";
import { ReloadedFiles } from "../../../clients/typescript/library/reloadedFiles.js";

describe("files that are reloaded", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "mesos-bridge-"));
    path = join(folder, "a");
    writeFileSync(path, "one");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const parse = (texts: ReadonlyMap<string, string>) => {
    const all = [...texts.values()].join();
    if (all.includes("bad")) throw new UsageError("a: bad");
    return all;
  };

  it("have the newest value, and tell each change once", () => {
    const files = new ReloadedFiles([path], parse);
    expect([files.value, files.reload()]).toEqual(["one", undefined]);
    writeFileSync(path, "two");
    expect([files.reload(), files.reload(), files.value]).toEqual([`${path}: changed`, undefined, "two"]);
  });

  it("keep the last good value while they are bad or away, and tell each fault once, each time", () => {
    const files = new ReloadedFiles([path], parse);
    for (let time = 0; time < 2; time++) {
      writeFileSync(path, "bad");
      expect([files.reload(), files.reload()]).toEqual(["a: bad; what runs keeps running", undefined]);
      writeFileSync(path, `good ${time}`);
      expect(files.reload()).toBe(`${path}: changed`);
      rmSync(path);
      expect([files.reload(), files.reload()]).toEqual([
        expect.stringMatching(/can't be read: .*; what runs/),
        undefined,
      ]);
      writeFileSync(path, `good ${time}`);
      expect([files.reload(), files.value]).toEqual([undefined, `good ${time}`]);
    }
  });

  it("have to be good at first, and to be files", () => {
    expect(() => new ReloadedFiles([folder], parse)).toThrow(`${folder} can't be read: it is not a file`);
    writeFileSync(path, "bad");
    expect(() => new ReloadedFiles([path], parse)).toThrow("a: bad");
  });
});
