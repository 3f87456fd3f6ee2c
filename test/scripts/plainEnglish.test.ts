import { describe, expect, test } from "vitest";
import { problemsOf } from "../../scripts/plain-english.mjs";

describe("the check of English finds", () => {
  test.each([
    ["that is no cluster", '"is no c"'],
    ["Who attaches gets the offers.", '"Who attaches"'],
    ["It ends. Who reads too slowly loses events.", '"Who reads"'],
    ["a client who attaches", '"client who"'],
    ["use an own authority", '"an own"'],
    ["one entry, a line each.", '"a line each"'],
    ["a duration, as `5secs`", ", as `"],
    ["Mend the field", '"Mend"'],
    ["An outage takes nothing from what works", '"takes nothing from"'],
    ["It ends. Also, it begins.", '"Also,"'],
    ["also when the disk is full", '"also when"'],
    ["it attaches all the same", '"all the same"'],
    ["the log tells whether it is over", '"tells whether"'],
    ["the stream goes on", '"goes on"'],
    ["it ends without a word", '"without a word"'],
    ["a token which nobody takes", '"which nobody"'],
    ["All of it are options", '"All of it are"'],
    ["as Mesos shall know it", '"shall"'],
    ["where it can't be had", `"can't be had"`],
  ])("%j", (text, found) => {
    const [problem = "", ...more] = problemsOf("page.md", `First line.\n\n${text}\n`);
    expect(more).toEqual([]);
    expect(problem).toMatch(/^3: /);
    expect(problem).toContain(found);
  });

  test("a mistake whose words are on two lines, once", () => {
    const expected = [expect.stringMatching(/^1: "is no c": /)];
    expect(problemsOf("page.md", "This is\nno cluster.\n")).toEqual(expected);
    expect(problemsOf("a.ts", "// This is\n// no cluster.\n")).toEqual(expected);
    expect(problemsOf("a.ts", "/** This is\n * no cluster.\n */\n")).toEqual(expected);
    expect(problemsOf("a.proto", "  // This is\n  // no cluster.\n")).toEqual(expected);
  });

  test("mistakes in comments and strings of sources, at their lines", () => {
    const source = [
      "// mended",
      "const mended = 1;",
      'const a = "is no b";',
      "const c = `mend",
      "it`;",
      "/* a line each */",
    ];
    expect(problemsOf("a.ts", source.join("\n")).map((problem) => problem.replace(/: write.*/, ""))).toEqual([
      '1: "mended"',
      '3: "is no b"',
      '4: "mend"',
      '6: "a line each"',
    ]);
  });

  test("long lines of prose", () => {
    const words = "word ".repeat(25);
    const [problem, ...more] = problemsOf("page.md", `${"word ".repeat(23)}end\n\n${words}\n`);
    expect(problem).toMatch(/^3: a line of 125 characters/);
    expect(more).toEqual([]);
  });
});

describe("the check of English passes", () => {
  test.each([
    "There is no master. It is no longer there, is no more than that, and is no larger than this.",
    "Who calls? The people who run Mesos.",
    "such as `5secs`, or known as `x`; and, as `x` does, it ends",
    "recommend, amend, each other, a client each of them knows",
  ])("%s", (text) => {
    expect(problemsOf("page.md", text)).toEqual([]);
  });

  test("code, tables and lines that can't be broken", () => {
    const code = "`mend` is code\n\n```sh\nmend is no word\n```\n\n    mend\n\n";
    const table = `| ${"cell ".repeat(40)} |\n`;
    expect(problemsOf("page.md", `${code}${table}\nhttps://example.org/${"x".repeat(120)}\n`)).toEqual([]);
    expect(problemsOf("a.ts", "const mend = who.shall(mended);\n")).toEqual([]);
  });
});
