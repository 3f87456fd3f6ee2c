import { chmod, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openPrincipals } from "../../../server/cli/principals.js";
import { noAuthentication } from "../../../server/mesos/link/authentication.js";
import { Cleanup } from "../../support/cleanup.js";
import { eventually } from "../../support/eventually.js";

const cleanup = new Cleanup();
let directory: string;
let file: string;
let lines: string[];
beforeEach(async () => {
  directory = await cleanup.tempDir();
  file = join(directory, "principals.toml");
  lines = [];
});
afterEach(() => cleanup.run());

const header = (secret: string) => `Basic ${Buffer.from(`a:${secret}`).toString("base64")}`;
const rule = (secret: string) => `[[rule]]\nframeworks = ["a"]\nprincipal = "a"\n${secret}\n`;

async function put(path: string, text: string, mode = 0o600): Promise<void> {
  await writeFile(`${path}.new`, text);
  await chmod(`${path}.new`, mode);
  await rename(`${path}.new`, path);
}

async function open() {
  const note = (fields: object, message: string) => lines.push(`${message} ${JSON.stringify(fields)}`);
  const log = { debug: note, info: note, warn: note, error: note };
  const principals = await openPrincipals(file, noAuthentication, log);
  cleanup.defer(() => principals.close());
  if (!principals.book) throw new Error("there is no book");
  const credentials = principals.book.credentialsOf("a", "a");
  const changes: string[] = [];
  cleanup.defer(credentials.onChanged((changed) => changes.push(changed)));
  return { credentials, changes };
}

test("secrets in the file and in files of their own are followed", async () => {
  await put(file, rule('secret-file = "a.secret"'));
  await put(join(directory, "a.secret"), "first\n");
  const { credentials, changes } = await open();
  expect(await credentials.header()).toBe(header("first"));
  await put(join(directory, "a.secret"), "second");
  await eventually(() => changes.at(-1) === header("second"));
  await put(file, rule('secret = "third"'));
  await eventually(() => changes.at(-1) === header("third"));
  expect(await credentials.header()).toBe(header("third"));
  expect(lines).toEqual([expect.stringMatching(/^the file of --framework-principals was read again, and is used/)]);
});

test("what is missing is told at the start", async () => {
  await expect(open()).rejects.toThrow(/^--framework-principals: \S+principals\.toml can't be read: .*ENOENT/);
  await put(file, rule('secret-file = "gone"'));
  await expect(open()).rejects.toThrow(/^--framework-principals: the secret of 'a': ENOENT.*gone/);
  await put(join(directory, "gone"), "two\nlines");
  await expect(open()).rejects.toThrow(/^--framework-principals: the secret of 'a': \S+gone holds more than one line$/);
});

test("a file that can't be used later is told, and the former rules stay", async () => {
  await put(file, rule('secret = "first"'));
  const { credentials, changes } = await open();
  await put(file, "[[rule]");
  await eventually(() => /principals\.toml: line 1, column/.test(lines.at(-1) ?? ""));
  expect(lines.at(-1)).toMatch(/^the file of --framework-principals can't be used as it is now/);
  await put(file, rule('secret-file = "late"'));
  await eventually(() => lines.at(-1)?.includes("the secret of 'a': ENOENT") === true);
  expect(lines.at(-1)).toMatch(/^the rules of --framework-principals can't be used yet: the former ones stay in use/);
  expect([await credentials.header(), changes]).toEqual([header("first"), []]);
  // The rules were written before the secret.
  await put(join(directory, "late"), "second");
  await eventually(() => changes.at(-1) === header("second"));
  await rm(file);
  await eventually(() => lines.at(-1)?.includes("principals.toml can't be read: there is no such file") === true);
  expect(await credentials.header()).toBe(header("second"));
});

test("secrets that every user can read are told, and a file without any may be read", async () => {
  const warning = /^--framework-principals: every user of this machine can read these secrets: run chmod o-r/;
  await put(file, rule('secret = "first"'), 0o644);
  await open();
  expect(lines).toEqual([expect.stringMatching(warning)]);
  lines = [];
  await put(file, rule('secret-file = "a.secret"'), 0o644);
  await put(join(directory, "a.secret"), "first", 0o640);
  await open();
  expect(lines).toEqual([]);
  await chmod(join(directory, "a.secret"), 0o644);
  await open();
  expect(lines).toEqual([expect.stringMatching(warning)]);
  expect(lines[0]).toContain("a.secret");
});
