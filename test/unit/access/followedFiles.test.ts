import { chmod, mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { FollowedFiles } from "../../../server/access/followedFiles.js";
import { systemClock } from "../../../wire/clock.js";
import { Arrivals } from "../../support/arrivals.js";
import { cleanupAfterAll } from "../../support/cleanup.js";

const cleanup = cleanupAfterAll();

/** Follows files, and hands out what is told of them. */
async function followed(paths: readonly string[], maxBytes = 1_000) {
  const files = await FollowedFiles.open(paths, maxBytes, systemClock);
  cleanup.defer(() => files.close());
  const changes = new Arrivals<string[]>();
  const problems = new Arrivals<string>();
  files.follow({
    changed: (contents) => changes.push(contents.map(({ bytes }) => bytes.toString())),
    unreadable: ({ message }) => problems.push(message),
  });
  return { files, changes, problems };
}

async function fileOf(text: string) {
  const dir = await cleanup.tempDir();
  const path = join(dir, "file");
  await writeFile(path, text);
  return { dir, path };
}

const change = { what: "a change" };

/** A file that is written in place may be seen empty meanwhile. */
async function changedTo(changes: Arrivals<string[]>, text: string): Promise<void> {
  for (;;) {
    const [seen] = await changes.next({ what: `a change to '${text}'` });
    if (seen !== "") return expect(seen).toBe(text);
  }
}

describe("files that are followed", () => {
  test("are read at once", async () => {
    const { path } = await fileOf("one");
    await chmod(path, 0o640);
    const { files } = await followed([path]);
    expect(files.files.map(({ bytes, mode }) => [bytes.toString(), mode])).toEqual([["one", 0o640]]);
  });

  test("tell of a file that is written in place, also with the same size", async () => {
    const { path } = await fileOf("one");
    const { changes } = await followed([path]);
    await writeFile(path, "two");
    await changedTo(changes, "two");
    await writeFile(path, "ten");
    await changedTo(changes, "ten");
  });

  test("tell of a file that is replaced", async () => {
    const { dir, path } = await fileOf("one");
    const { changes } = await followed([path]);
    await writeFile(join(dir, "new"), "two");
    await rename(join(dir, "new"), path);
    expect(await changes.next(change)).toEqual(["two"]);
  });

  test("tell of a symbolic link on the path that points elsewhere, as Kubernetes swaps them", async () => {
    const dir = await cleanup.tempDir();
    for (const version of ["1", "2"]) {
      await mkdir(join(dir, version));
      await writeFile(join(dir, version, "file"), `version ${version}`);
    }
    await symlink("1", join(dir, "data"));
    await symlink("data/file", join(dir, "file"));
    const { changes } = await followed([join(dir, "file")]);
    await symlink("2", join(dir, "data.new"));
    await rename(join(dir, "data.new"), join(dir, "data"));
    expect(await changes.next(change)).toEqual(["version 2"]);
  });

  test("tell of permissions that change", async () => {
    const { path } = await fileOf("one");
    const { files, changes } = await followed([path]);
    await chmod(path, 0o600);
    await changes.next(change);
    expect(files.files[0]?.mode).toBe(0o600);
  });

  test("hand over all of them when one changes", async () => {
    const [one, two] = [await fileOf("one"), await fileOf("two")];
    const { changes } = await followed([one.path, two.path]);
    await writeFile(`${two.path}.new`, "three");
    await rename(`${two.path}.new`, two.path);
    expect(await changes.next(change)).toEqual(["one", "three"]);
  });

  test("tell once that a file can't be read, and of it when it is back with other bytes", async () => {
    const { path } = await fileOf("one");
    const { changes, problems } = await followed([path], 5);
    await rm(path);
    expect(await problems.next({ what: "a problem" })).toMatch(`${path} can't be read: ENOENT`);
    await writeFile(path, "far too long");
    expect(await problems.next({ what: "a problem" })).toBe(`${path} can't be read: it holds more than 5 bytes`);
    await writeFile(path, "two");
    await changedTo(changes, "two");
    expect(problems.waiting).toBe(0);
  });

  test("are not told of again when nothing but their time changed", async () => {
    const { dir, path } = await fileOf("one");
    const { changes } = await followed([path]);
    for (const text of ["one", "two"]) {
      const next = join(dir, text);
      await writeFile(next, text);
      await rename(next, path);
    }
    expect(await changes.next(change)).toEqual(["two"]);
    expect(changes.waiting).toBe(0);
  });

  test("must be there at the start", async () => {
    const dir = await cleanup.tempDir();
    await expect(FollowedFiles.open([join(dir, "none")], 10, systemClock)).rejects.toThrow(
      "none can't be read: ENOENT",
    );
  });
});
