import { describe, expect, test } from "vitest";
import { parsePermissions } from "../../../server/access/permissions/permissionsFile.js";

const RULE = `
[[rule]]
identities = ["cn:team-a-*"]
allow = ["attach", "call", "observe"]
frameworks = ["team-a-*"]
roles = ["team-a", "team-a/*"]
users = ["svc-a"]
`;

/** The one line that says what is wrong. */
function problem(text: string): string {
  try {
    parsePermissions(text);
  } catch (error) {
    const { message } = error as Error;
    expect(message).not.toContain("\n");
    return message;
  }
  throw new Error("the file was taken");
}

describe("a permissions file", () => {
  test("holds rules with patterns, and limits as numbers", () => {
    const [rule, ...more] = parsePermissions(`${RULE}
[rule.limits]
frameworks = 3
calls-per-second = 500
waiting-bytes = "8MiB"
`);
    expect(more).toEqual([]);
    expect([...(rule?.allow ?? [])]).toEqual(["attach", "call", "observe"]);
    expect(rule?.identities.map(({ text }) => text)).toEqual(["cn:team-a-*"]);
    expect(rule?.roles.map(({ text }) => text)).toEqual(["team-a", "team-a/*"]);
    expect(rule?.principals).toEqual([]);
    expect(rule?.limits).toEqual({ frameworks: 3, "calls-per-second": 500, "waiting-bytes": 8 * 1024 * 1024 });
  });

  test("without rules is refused, as one that was cut off, unless it says that there are none", () => {
    const words = "holds no rule: write at least one [[rule]], or rule = [] if nothing is to be allowed";
    for (const text of ["", "\n", "# nobody yet\n"]) expect(problem(text)).toBe(words);
    expect(parsePermissions("rule = [] # nobody yet\n")).toEqual([]);
  });

  test.each([
    ["what is not TOML", "[[rule]]\nallow = [\n", /^line \d+, column \d+: /],
    ["a key that is not a rule", "rules = 1\n", "line 1: rules is not known: did you mean 'rule'?"],
    ["rules that are no list", "rule = 1\n", "line 1: rule must be written as [[rule]]"],
    [
      "a misspelt key",
      RULE.replace("frameworks", "framework"),
      "line 5: rule 1: framework is not known: did you mean 'frameworks'?",
    ],
    [
      "a misspelt key that is required",
      RULE.replace("allow", "alow"),
      "line 4: rule 1: alow is not known: did you mean 'allow'?",
    ],
    [
      "a key like no other",
      `${RULE}colour = "red"\n`,
      "line 8: rule 1: colour is not known: use identities, allow, frameworks, roles, users, principals, limits",
    ],
    [
      "a misspelt limit",
      `${RULE}\n[rule.limits]\ncalls_per_secnd = 3\n`,
      "line 10: rule 1: limits.calls_per_secnd is not known: did you mean 'calls-per-second'?",
    ],
    [
      "a misspelt verb",
      RULE.replace('"call"', '"calls"'),
      "line 4: rule 1: allow[1] 'calls' can't be allowed: did you mean 'call'?",
    ],
    [
      "a text for a list",
      RULE.replace('["svc-a"]', '"svc-a"'),
      'line 7: rule 1: users must be a list of texts, such as ["team-a-*"]',
    ],
    [
      "no identities",
      RULE.replace(/identities.*\n/, ""),
      'line 2: rule 1: identities is required: name who the rule is for, such as ["cn:team-a-*"]',
    ],
    [
      "an empty list of identities",
      RULE.replace('["cn:team-a-*"]', "[]"),
      "line 3: rule 1: identities must name at least one identity",
    ],
    [
      "an identity of no kind",
      RULE.replace("cn:team", "team"),
      "line 3: rule 1: identities[0] 'team-a-*' names no kind of identity: use unix:..., uri:..., dns:..., cn:..., token:..., jwt:..., or * for all",
    ],
    ["an empty pattern", RULE.replace('"svc-a"', '""'), "line 7: rule 1: users[0] '' must not be empty"],
    [
      "attach without users",
      RULE.replace(/users.*\n/, ""),
      `line 2: rule 1: users is required with 'attach': use ["*"] for all, and [] for none`,
    ],
    [
      "a verb without frameworks",
      RULE.replace(/frameworks.*\n/, ""),
      `line 2: rule 1: frameworks is required with 'attach': use ["*"] for all`,
    ],
    [
      "a limit of nothing",
      `${RULE}limits = { observers = 0 }\n`,
      "line 8: rule 1: limits.observers must be at least 1",
    ],
    [
      "a limit that is not whole",
      `${RULE}limits.observers = 1.5\n`,
      "line 8: rule 1: limits.observers must be a whole number",
    ],
    [
      "a size without a unit",
      `${RULE}[rule.limits]\nwaiting-bytes = "8M"\n`,
      "line 9: rule 1: limits.waiting-bytes '8M' is not a size: use 512KiB, 8MiB or 1GiB",
    ],
    ["a key that names an object's own", "__proto__ = 1\n", "line 1, column 1: document contains an unsafe property"],
  ])("is refused with its line and the cure: %s", (_what, text, expected) => {
    if (typeof expected === "string") expect(problem(text)).toBe(expected);
    else expect(problem(text)).toMatch(expected);
  });

  test("names the line of the rule that is wrong, not of the first one", () => {
    expect(problem(`${RULE}${RULE.replace("users", "user")}`)).toBe(
      "line 14: rule 2: user is not known: did you mean 'users'?",
    );
  });

  test("does not take what stands in a text of several lines for a key", () => {
    const text = RULE.replace('["svc-a"]', '["""svc-a\n[[rule]]\nroles = 1"""]');
    expect(problem(`${text}${RULE.replace("roles", "rolls")}`)).toBe(
      "line 15: rule 2: rolls is not known: did you mean 'roles'?",
    );
  });

  test("is bounded in its size, its rules, its patterns and their length", () => {
    expect(problem(`#${"x".repeat(1024 * 1024)}`)).toBe("must be at most 1 MiB");
    expect(problem(RULE.repeat(1_001))).toBe("line 2: rule must be at most 1000 rules");
    const many = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => `f${i}`));
    expect(problem(RULE.replace('["team-a-*"]', many))).toBe("must hold at most 10000 patterns");
    const long = RULE.replace("svc-a", "x".repeat(513));
    expect(problem(long)).toBe("line 7: rule 1: users[0] must be at most 512 characters");
  });
});
