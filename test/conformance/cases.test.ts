import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { REASONS } from "../../gen/mesosbridge/v1/reasons.js";
import { at } from "../support/paths.js";
import { loadCases } from "./case.js";
import { languages } from "./drivers.js";

const instances = loadCases();

describe("the cases", () => {
  it("have names of their own", () => {
    const names = instances.map(({ name, values }) => `${name} ${values}`);
    expect(names).toEqual([...new Set(names)]);
  });

  it("hold every reason that the bridge gives, and no other", () => {
    const given = Object.entries(REASONS).flatMap(([reason, { givenBy }]) => (givenBy === "bridge" ? [reason] : []));
    const onStreams = instances
      .filter(({ name }) => /^reasons (that end the events|after which it attaches again)$/.test(name))
      .map(({ values }) => values);
    expect(given.length).toBeGreaterThan(10);
    expect(onStreams.sort()).toEqual(given.sort());
  });
});

describe("each language", () => {
  it("has its test file", () => {
    const folder = at("test/conformance");
    const files = readdirSync(folder).filter((name) => name.endsWith(".test.ts"));
    const texts = files.map((name) => readFileSync(`${folder}/${name}`, "utf8"));
    const tested = texts.flatMap((text) => /^testConformance\(languageNamed\("(.+)"\)\);$/m.exec(text)?.[1] ?? []);
    expect(tested.sort()).toEqual(languages.map(({ name }) => name).sort());
  });
});
