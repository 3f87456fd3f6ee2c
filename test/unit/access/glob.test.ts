import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GlobSet, parseGlob } from "../../../server/access/permissions/glob.js";

const letters = fc.array(fc.constantFrom("a", "b", "*", "."), { maxLength: 8 }).map((chars) => chars.join(""));

/** What a pattern means, as a regular expression. */
function meaning(pattern: string): RegExp {
  return new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", "[^]*")}$`);
}

describe("a pattern", () => {
  test("means what the regular expression with the same meaning does", () => {
    const checked = fc.property(letters, letters, (pattern, text) => {
      fc.pre(pattern !== "");
      expect(parseGlob(pattern).matches(text)).toBe(meaning(pattern).test(text));
    });
    fc.assert(checked, { numRuns: 3_000 });
  });

  test("matches texts of any length and with any characters", () => {
    expect(parseGlob("cn:team-a-*").matches("cn:team-a-")).toBe(true);
    expect(parseGlob("cn:team-a-*").matches("cn:team-a-x\ny*")).toBe(true);
    expect(parseGlob("cn:team-a-*").matches("cn:team-b")).toBe(false);
    expect(parseGlob("team-a/*").matches("team-a/x/y")).toBe(true);
    expect(parseGlob("team-a/*").matches("team-a")).toBe(false);
    expect(parseGlob("svc").matches("svc2")).toBe(false);
    expect(parseGlob("svc").matches("SVC")).toBe(false);
  });

  test("has a beginning and an end that don't share characters", () => {
    expect(parseGlob("ab*ba").matches("aba")).toBe(false);
    expect(parseGlob("ab*ba").matches("abba")).toBe(true);
    expect(parseGlob("a*b*b").matches("ab")).toBe(false);
  });

  test("takes a star literally after a backslash", () => {
    expect(parseGlob("\\*").matches("*")).toBe(true);
    expect(parseGlob("\\*").matches("eng")).toBe(false);
    expect(parseGlob("\\*").any).toBe(false);
    expect(parseGlob("a\\\\*").matches("a\\b")).toBe(true);
  });

  test("is refused if it is empty or ends in a backslash", () => {
    expect(() => parseGlob("")).toThrow("must not be empty");
    expect(() => parseGlob("a\\")).toThrow("must have * or \\ after a backslash");
    expect(() => parseGlob("a\\b")).toThrow("must have * or \\ after a backslash");
  });

  test("matches every text if it is made of stars alone", () => {
    expect(parseGlob("*").any).toBe(true);
    expect(parseGlob("***").any).toBe(true);
    expect(parseGlob("*a").any).toBe(false);
  });

  test("gives up at the first piece that is missing, however many pieces there are", () => {
    let searches = 0;
    const text = Object.assign(Object.create(null) as object, {
      length: 200,
      startsWith: () => true,
      endsWith: () => true,
      indexOf: (piece: string, at: number) => {
        searches++;
        return "a".repeat(200).indexOf(piece, at);
      },
    });
    const pattern = parseGlob(`${"*a".repeat(100)}*b*${"a*".repeat(50)}`);
    expect(pattern.matches(text as unknown as string)).toBe(false);
    expect(searches).toBe(101);
  });
});

describe("several patterns", () => {
  test("match what one of them matches, also when asked again", () => {
    const set = new GlobSet([parseGlob("a*"), parseGlob("b")]);
    for (let i = 0; i < 2; i++) {
      expect(["a", "ab", "b", "bb"].map((text) => set.matches(text))).toEqual([true, true, true, false]);
    }
  });

  test("match nothing if there are none", () => {
    expect(new GlobSet([]).matches("")).toBe(false);
    expect(new GlobSet([]).any).toBe(false);
  });

  test("answer rightly after more texts than are remembered", () => {
    const set = new GlobSet([parseGlob("x*")]);
    for (let i = 0; i < 1_000; i++) expect(set.matches(`${i % 2 ? "x" : "y"}${i}`)).toBe(i % 2 === 1);
  });
});
