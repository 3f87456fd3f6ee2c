import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WatchedFiles } from "../../../server/files/watchedFiles.js";
import { type Clock, systemClock } from "../../../wire/clock.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";

let cleanup: Cleanup;
let dir: string;
let lines: { message: string; reason?: string }[];
let reads: number;

beforeEach(async () => {
  cleanup = new Cleanup();
  dir = await cleanup.tempDir();
  lines = [];
  reads = 0;
});

afterEach(() => cleanup.run());

const note = (fields: object, message: string) => {
  lines.push({ ...fields, message });
};
const log = { debug: note, info: note, warn: note, error: note };

/** Two files that belong together if they hold the same. */
async function watched(
  paths = ["a", "b"].map((name) => join(dir, name)),
  clock: Clock = systemClock,
): Promise<WatchedFiles<string>> {
  const files = await WatchedFiles.open({
    files: paths.map((path, at) => ({ option: at === 0 ? "--first" : "--second", path })),
    what: "the pair",
    read: ([first, second]) => {
      reads++;
      if (first?.toString() !== second?.toString()) throw new Error("--second: is of another pair");
      return String(first);
    },
    clock,
    log,
  });
  cleanup.defer(() => files.close());
  return files;
}

const write = (name: string, text: string) => writeFileSync(join(dir, name), text);

beforeEach(() => {
  write("a", "1");
  write("b", "1");
});

const told = () => lines.map(({ message }) => message);
const KEPT = "the pair can't be used as it is now: the one that was read before stays in use";
const USED = "the pair was read again, and is used from now on";

describe("files that change together", () => {
  test("in place are read again, with one line", async () => {
    const files = await watched();
    const seen: string[] = [];
    files.onChanged((value) => seen.push(value));
    write("a", "2");
    write("b", "2");
    await eventually(() => files.value === "2");
    expect(seen).toEqual(["2"]);
    expect(told().filter((line) => line === USED)).toHaveLength(1);
  });

  test("by rename", async () => {
    const files = await watched();
    for (const name of ["a", "b"]) {
      write(`${name}.new`, "2");
      renameSync(join(dir, `${name}.new`), join(dir, name));
    }
    await eventually(() => files.value === "2");
  });

  test("by a link to their folder, as Kubernetes does it", async () => {
    for (const version of ["1", "2"]) {
      mkdirSync(join(dir, version));
      for (const name of ["a", "b"]) writeFileSync(join(dir, version, name), version);
    }
    symlinkSync("1", join(dir, "..data"));
    const files = await watched(["a", "b"].map((name) => join(dir, "..data", name)));
    symlinkSync("2", join(dir, "..new"));
    renameSync(join(dir, "..new"), join(dir, "..data"));
    await eventually(() => files.value === "2");
  });
});

test("a half-written pair keeps the one before, says so once, and is tried again", async () => {
  const files = await watched();
  write("a", "2");
  await eventually(() => told().includes(KEPT));
  expect(files.value).toBe("1");
  const readsBefore = reads;
  await eventually(() => reads > readsBefore + 3);
  expect(told()).toEqual([KEPT]);
  expect(lines[0]?.reason).toBe("--second: is of another pair");
  write("b", "2");
  await eventually(() => files.value === "2");
  expect(told()).toEqual([KEPT, USED]);
});

test("a pair that is whole again at the next look leaves no warning", async () => {
  let look = () => {};
  const every: Clock["every"] = (_ms, callback) => {
    look = callback;
    return { cancel: () => {} };
  };
  const files = await watched(undefined, { ...systemClock, every });
  write("a", "2");
  await eventually(() => {
    look();
    return reads === 2;
  });
  write("b", "2");
  // The look before it may still be under way.
  await eventually(() => {
    look();
    return files.value === "2";
  });
  expect(told()).toEqual([USED]);
});

test("a file that is being written is not taken before it stays the same", async () => {
  let look = () => {};
  let looks = 0;
  const every: Clock["every"] = (_ms, callback) => {
    look = callback;
    return { cancel: () => {} };
  };
  /** A look that has ended: it reads the files anew, or is under way, and then nothing happens. */
  const looked = async () => {
    looks++;
    look();
    await turn();
  };
  const files = await watched(undefined, { ...systemClock, every });
  const seen: string[] = [];
  files.onChanged((value) => seen.push(value));
  for (const part of ["2", "23", "234"]) {
    write("a", part);
    write("b", part);
    await looked();
  }
  expect(seen).toEqual([]);
  await eventually(async () => {
    await looked();
    return files.value === "234";
  });
  expect(seen).toEqual(["234"]);
  expect(looks).toBeGreaterThan(3);
});

test("a file that is gone keeps the value, and its return is told", async () => {
  const files = await watched();
  renameSync(join(dir, "a"), join(dir, "c"));
  await eventually(() => told().includes(KEPT));
  expect(files.value).toBe("1");
  expect(lines[0]?.reason).toMatch(/^--first: \S+ can't be read: there is no such file/);
  renameSync(join(dir, "c"), join(dir, "a"));
  await eventually(() => told().includes(USED));
});

test("a first look that fails is an error", async () => {
  write("a", "2");
  await expect(watched()).rejects.toThrow("--second: is of another pair");
  await expect(watched([join(dir, "none")])).rejects.toThrow(/^--first: \S+none can't be read/);
  await expect(watched([dir])).rejects.toThrow("it is a directory");
  write("large", "x".repeat(5 * 1024 * 1024));
  await expect(watched([join(dir, "large")])).rejects.toThrow("it has more than 4194304 bytes");
});
