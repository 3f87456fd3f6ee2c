import { describe, expect, test } from "vitest";
import { parsePrincipals } from "../../../server/cli/principalsFile.js";

const rule = (...lines: string[]) => ["[[rule]]", ...lines, ""].join("\n");
const A = rule('frameworks = ["team-a-*", "x"]', 'principal = "a"', 'secret-file = "a.secret"');
const B = rule('frameworks = ["*"]', 'principal = "b"', 'secret = "s3cret"');
const parse = (text: string) => parsePrincipals(text, "/etc/bridge/principals.toml");

test("rules in their order, and where each secret is", () => {
  const { rules, secrets } = parse(A + B);
  const of = (name: string) => rules.filter((one) => one.matches(name)).map(({ principal }) => principal);
  expect([of("team-a-1"), of("x"), of("team-b")]).toEqual([["a", "b"], ["a", "b"], ["b"]]);
  expect([...secrets]).toEqual([
    ["a", { file: "/etc/bridge/a.secret" }],
    ["b", { secret: "s3cret" }],
  ]);
});

test("one principal in several rules has one secret", () => {
  const again = (file: string) => rule('frameworks = ["y"]', 'principal = "a"', `secret-file = "${file}"`);
  expect(parse(A + again("/etc/bridge/a.secret")).rules).toHaveLength(2);
  expect(() => parse(A + again("other"))).toThrow(
    "line 7: rule 2: principal has another secret in a rule before: a principal has one",
  );
});

describe("what is wrong is told with its line, and without a secret", () => {
  const secret = 'secret = "s3cret-text"';
  test.each([
    ["", "line 1: rule is missing: write at least one [[rule]]"],
    ["rule = []", "line 1: rule is missing: write at least one [[rule]]"],
    [`[rule]\n${secret}`, "line 1: rule must be written as [[rule]]"],
    [`rules = 1\n${A}`, "the file: 'rules' is not known: did you mean 'rule'?"],
    [rule('principal = "a"', secret), "line 1: rule 1: frameworks must be a list of names of frameworks"],
    [rule('frameworks = "a"', 'principal = "a"', secret), "line 2: rule 1: frameworks must be a list of names"],
    [rule("frameworks = []", 'principal = "a"', secret), "line 2: rule 1: frameworks must name at least one"],
    [rule('frameworks = ["a"]', secret), "line 1: rule 1: principal is required: name the principal"],
    [rule('frameworks = ["a"]', 'principal = "a:b"', secret), "line 3: rule 1: principal must hold no colon"],
    [rule('frameworks = ["a"]', 'principal = ""', secret), "line 3: rule 1: principal must not be empty"],
    [rule('frameworks = ["a"]', 'principal = "a"'), "line 1: rule 1 must have either secret-file or secret"],
    [
      rule('frameworks = ["a"]', 'principal = "a"', secret, 'secret-file = "x"'),
      "line 1: rule 1 must have either secret-file or secret",
    ],
    [
      rule('frameworks = ["a"]', 'principal = "a"', 'secret = "s3cret-text\\n"'),
      "line 4: rule 1: secret must be one line",
    ],
    [rule('frameworks = ["a"]', 'principal = "a"', 'secret = ""'), "line 4: rule 1: secret must not be empty"],
    [rule('frameworks = ["a"]', 'principal = "a"', "secret = 12345678"), "line 4: rule 1: secret must be a text"],
    [rule('frameworks = ["a"]', 'principal = "a"', 'secrets = "s3cret-text"'), "'secrets' is not known: did you mean"],
    [rule('frameworks = ["a\\\\b"]', 'principal = "a"', secret), "rule 1: frameworks: 'a\\b' must have * or \\"],
    [rule('frameworks = ["a"]', 'principal = "a"', 'secret = "s3cret-text'), "line 4, column "],
    [rule('frameworks = ["a"]', 'principal = "a"', "secret = s3cret-text"), "line 4, column "],
    [rule('frameworks = ["a"]', 'principal = "a"', 'secret = "s3cret-text\\q"'), "line 4, column "],
    [rule('frameworks = ["a"]', 'principal = "a"', secret, secret), "line 5, column "],
  ])("%s", (text, message) => {
    let told = "it is taken";
    try {
      parse(text);
    } catch (error) {
      told = (error as Error).message;
    }
    expect(told).toContain(message);
    expect(told).not.toMatch(/s3cret|12345678|\n/);
  });
});
