import { describe, expect, test } from "vitest";
import { newToken, TokenList, tokenHash } from "../../../server/access/tokenList.js";

const line = (name: string, token: string) => `${name} ${tokenHash(token).toString("hex")}`;
const hex = "a".repeat(64);

test("a token is known by its hash, and named with its kind", () => {
  const token = newToken();
  const list = new TokenList(
    `# the build server\n\n  ${line("ci", token)}  \r\n${line("ops@x", "other").toUpperCase()}\n`,
  );
  expect(list.identityOf(tokenHash(token))).toEqual({ kind: "token", names: ["token:ci"] });
  expect(list.identityOf(tokenHash("other"))).toEqual({ kind: "token", names: ["token:OPS@X"] });
  expect(list.identityOf(tokenHash(`${token}x`))).toBeUndefined();
  expect(list.size).toBe(2);
});

test("an empty file is refused, as one that was cut off; a comment says that no token counts", () => {
  for (const content of ["", "\n"]) expect(() => new TokenList(content)).toThrow(/^is empty: .*'# none'/);
  expect(new TokenList("# none\n").size).toBe(0);
});

test("tokens are long, and none is like another", () => {
  const tokens = Array.from({ length: 100 }, newToken);
  expect(new Set(tokens).size).toBe(100);
  for (const token of tokens) expect(token).toMatch(/^mbt_[A-Za-z0-9_-]{43}$/);
});

describe("a wrong line is told by its number, without what it holds", () => {
  test.each([
    ["a token in place of its hash", "ci secret", /^line 1 is not 'NAME SHA256'/],
    ["a hash alone", hex, /^line 1 is not 'NAME SHA256'/],
    ["a third word", `ci ${hex} x`, /^line 1 is not 'NAME SHA256'/],
    ["a short hash", `ci ${hex.slice(1)}`, /^line 1 is not 'NAME SHA256'/],
    ["a strange name", `c*i ${hex}`, /^line 1 has a name of other characters/],
    ["a long name", `${"x".repeat(129)} ${hex}`, /^line 1 has a name/],
    ["a name again", `ci ${hex}\n#\nci ${"b".repeat(64)}`, /^line 3 has the name 'ci' again/],
    ["a hash again", `ci ${hex}\nother ${hex.toUpperCase()}`, /^line 2 has the hash of another line/],
  ])("%s", (_, content, words) => {
    expect(() => new TokenList(content)).toThrow(words);
    expect(() => new TokenList(content)).not.toThrow(/secret|aaaa/);
  });

  test("too many", () => {
    const lines = Array.from({ length: 10_001 }, (_, i) => `n${i} ${i.toString(16).padStart(64, "0")}`);
    expect(() => new TokenList(lines.join("\n"))).toThrow("line 10001 is one too many: a file may hold 10000 tokens");
    expect(new TokenList(lines.slice(1).join("\n")).size).toBe(10_000);
  });
});
