import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { releaseVersion } from "../../../scripts/release/versions.mjs";
import { at } from "../../support/paths.js";

const read = (file: string) => readFileSync(at(file), "utf8");
const version = (JSON.parse(read("package.json")) as { version: string }).version;
const FILES = [
  "package-lock.json",
  "clients/typescript/package.json",
  "clients/python/pyproject.toml",
  "clients/rust/Cargo.toml",
  "clients/go/mesosbridge/doc.go",
  "clients/java/pom.xml",
  "clients/java/src/main/java/io/github/mesosbridge/Scheduler.java",
];

describe("the version of a release", () => {
  it("is that of all packages", () => {
    expect(releaseVersion()).toBe(version);
  });

  it.each(FILES)("is refused when %s has another one, or none", (file) => {
    const other = (path: string) => (path === file ? read(path).replaceAll(version, "9.9.9") : read(path));
    expect(() => releaseVersion(other)).toThrow(`package.json has version ${version}, but ${file} has 9.9.9`);
    const none = (path: string) => (path === file ? "" : read(path));
    expect(() => releaseVersion(none)).toThrow(`${file} has no version`);
  });
});
