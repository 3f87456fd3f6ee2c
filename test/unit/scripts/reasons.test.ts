import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { REASONS } from "../../../gen/mesosbridge/v1/reasons.js";
import { readReasons } from "../../../scripts/reasons/table.mjs";
import { outdatedReasons } from "../../../scripts/reasons.mjs";
import { at } from "../../support/paths.js";

const read = (file: string) => readFileSync(at(file), "utf8");
const FILES = [
  "docs/errors.md",
  "clients/cpp/reasons.h",
  "clients/go/mesosbridge/reasons.go",
  "clients/java/src/main/java/io/github/mesosbridge/Reason.java",
  "clients/python/src/mesosbridge/reasons.py",
  "clients/rust/src/reason.rs",
];
const row = {
  name: "DISK_ON_FIRE",
  status: "DATA_LOSS",
  givenBy: "bridge",
  retry: "later",
  actor: "operator",
  happened: "The disk burns; see `metadata.disk`.",
  advice: "Put it out.",
} as const;

describe("the table of reasons", () => {
  test("is what docs, clients and server have", () => {
    expect(outdatedReasons()).toEqual([]);
    const given = Object.entries(REASONS).map(([name, { status, retry, givenBy }]) => ({
      name,
      status,
      retry,
      givenBy,
    }));
    expect(given).toEqual(readReasons().map(({ name, status, retry, givenBy }) => ({ name, status, retry, givenBy })));
  });

  test("with a new reason brings it into docs and every client", () => {
    const outdated = outdatedReasons([...readReasons(), row], read);
    expect(outdated.map(({ file }) => file)).toEqual(FILES);
    for (const { text } of outdated) {
      expect(text).toContain("DISK_ON_FIRE");
      expect(text).toContain("Put it out.");
    }
  });

  test.each(FILES)("shows that %s was edited by hand", (file) => {
    const edited = (path: string) => (path === file ? read(path).replace("NO_MASTER", "NO_MASTERS") : read(path));
    expect(outdatedReasons(readReasons(), edited).map((each) => each.file)).toEqual([file]);
  });

  test("keeps what surrounds the tables of the docs", () => {
    const page = (path: string) => (path === "docs/errors.md" ? `${read(path)}\nMore text.\n` : read(path));
    expect(outdatedReasons(readReasons(), page)).toEqual([]);
    const unmarked = () => "# Errors\n";
    expect(() => outdatedReasons(readReasons(), unmarked)).toThrow("has no <!-- reasons of bridge -->");
  });

  test.each([
    ["a name in small letters", [{ ...row, name: "disk" }], "disk: a name consists of capital letters and _"],
    ["a name twice", [row, row], "DISK_ON_FIRE: its name comes twice"],
    ["a status that gRPC does not have", [{ ...row, status: "OOPS" }], "status must be one of CANCELLED, UNKNOWN"],
    ["OK as a status", [{ ...row, status: "OK" }], "status must be one of"],
    ["a retry that is not known", [{ ...row, retry: "soon" }], "retry must be one of never, later, attached"],
    ["a giver that is not known", [{ ...row, givenBy: "Mesos" }], "givenBy must be one of bridge, clients"],
    ["no actor", [{ ...row, actor: undefined }], "actor must be one of program, author, operator"],
    ["a field that is not known", [{ ...row, reply: "no" }], "the field reply is not known"],
    ["a bar, which ends a cell", [{ ...row, advice: "Put | out." }], "advice must be one line of sentences, without |"],
    ["no text", [{ ...row, happened: undefined }], "happened must be one line of sentences"],
  ])("is refused with %s", (_, rows, message) => {
    expect(() => readReasons(JSON.stringify(rows))).toThrow(message);
  });
});
