import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { shellWord } from "../../../server/cli/shellWord.js";

const ODD = [
  "",
  " ",
  "a b",
  "it's",
  "''",
  '"',
  "$HOME",
  "`id`",
  "\\",
  "a\\'b",
  "a;b",
  "~",
  "*",
  "ä 日本",
  "-n",
  "#",
  "a\nb",
  "\t'\u0085x",
  "\u0001\\f'",
];

test.each(ODD)("the shell reads %j as it was meant, and it stands on one line", (text) => {
  const word = shellWord(text);
  expect(word).not.toMatch(/\p{Cc}/u);
  expect(spawnSync("bash", ["-c", `printf '%s|' x ${word}`], { env: { LC_ALL: "C" } }).stdout.toString()).toBe(
    `x|${text}|`,
  );
});

test("what means nothing to the shell stays as it is", () => {
  for (const text of ["my-framework", "/var/lib/mesos-bridge", "a.b_c:1@host"]) expect(shellWord(text)).toBe(text);
});
