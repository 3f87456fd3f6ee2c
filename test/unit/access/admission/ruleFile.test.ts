import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openAdmissionFile } from "../../../../server/access/admission/admissionFile.js";
import { rulesOf } from "../../../../server/access/admission/ruleFile.js";
import { systemClock } from "../../../../wire/clock.js";
import { cleanupAfterAll } from "../../../support/cleanup.js";
import { eventually } from "../../../support/eventually.js";
import { keptLog } from "../../session/samples.js";
import { denialBy, engine, launchOf, registry } from "./admissionTests.js";

const cleanup = cleanupAfterAll();

const rule = (more = "") =>
  `[[rule]]\nname = "no-root"\nexpression = "user != 'root'"\nmessage = "set a user"\n${more}\n`;
const read = (text: string) => rulesOf("rules.toml", Buffer.from(text), engine);

test("a file of rules is read, and a rule without a mode denies", () => {
  const rules = read(
    `${rule()}[[rule]]\nname = "b"\nmode = "audit"\nmessage = "m"\nexpression = '''\ntask.name != ""\n'''\n`,
  );
  expect(rules.map(({ name, mode }) => [name, mode])).toEqual([
    ["no-root", "deny"],
    ["b", "audit"],
  ]);
  expect(read("rule = []")).toEqual([]);
});

describe("a file is refused with one line that names the rule and the cure", () => {
  test.each<[string, string, string | RegExp]>([
    [
      "no rule, as one that was cut off",
      "# rules\n",
      /^rules\.toml: holds no rule: write at least one \[\[rule\]\], or rule = \[\]/,
    ],
    ["not TOML", "[[rule]\n", /^rules\.toml: line 1, column \d+: .+/],
    ["rules in another way", "rule = 1\n", "rules.toml: rule must be written as [[rule]]"],
    ["another name at the top", "[[rules]]\n", "rules.toml: 'rules' is not known: did you mean 'rule'?"],
    [
      "a key that is not known",
      rule('mod = "deny"'),
      "rules.toml: rule 1 ('no-root'): 'mod' is not known: did you mean 'mode'?",
    ],
    [
      "a misspelt key that is required",
      rule().replace("expression", "expresion"),
      "rules.toml: rule 1 ('no-root'): 'expresion' is not known: did you mean 'expression'?",
    ],
    [
      "a key like no other",
      rule("colour = 1"),
      "rules.toml: rule 1 ('no-root'): 'colour' is not known: use name, expression, mode, message",
    ],
    [
      "a mode that is not known",
      rule('mode = "block"'),
      "rules.toml: rule 1 ('no-root'): mode must be deny, warn or audit",
    ],
    ["no name", "[[rule]]\n", "rules.toml: rule 1: name is required: name the rule, such as 'no-root'"],
    ["a name with spaces", '[[rule]]\nname = "no root"\n', /^rules\.toml: rule 1: name must be 1 to 64 letters/],
    [
      "no expression",
      '[[rule]]\nname = "a"\nmessage = "m"\n',
      "rules.toml: rule 1 ('a'): expression is required: write in CEL what must be true of a task",
    ],
    [
      "an expression that is a number",
      '[[rule]]\nname = "a"\nmessage = "m"\nexpression = 1\n',
      /expression is required/,
    ],
    [
      "no message",
      '[[rule]]\nname = "a"\nexpression = "true"\n',
      "rules.toml: rule 1 ('a'): message is required: say what to do instead",
    ],
    [
      "one name twice",
      rule() + rule(),
      "rules.toml: rule 2 ('no-root'): has the name of another rule: give it one of its own",
    ],
    [
      "a wrong expression",
      '[[rule]]\nname = "a"\nmessage = "m"\nexpression = "task.name"\n',
      "rules.toml: rule 1 ('a'): expression must be true or false, and is a string: compare it with something",
    ],
    [
      "too many rules",
      Array.from({ length: 101 }, (_, index) => `[[rule]]\nname = "r${index}"\n`).join(""),
      "rules.toml: rule must be at most 100 rules",
    ],
  ])("%s", (_, text, expected) => {
    const problem = (() => {
      try {
        read(text);
        return "";
      } catch (error) {
        return (error as Error).message;
      }
    })();
    if (typeof expected === "string") expect(problem).toBe(expected);
    else expect(problem).toMatch(expected);
    expect(problem).not.toContain("\n");
  });
});

test("a changed file is used, a broken one is not, and the log says both", async () => {
  const path = join(await cleanup.tempDir(), "rules.toml");
  await writeFile(path, rule());
  const { log, lines } = keptLog();
  const file = await openAdmissionFile({ path, registry, log, clock: systemClock });
  cleanup.defer(() => file.close());
  const root = launchOf({ name: "t", taskId: { value: "t1" }, command: { user: "root" } });
  expect(denialBy(file.admission, root)?.metadata.rule).toBe("no-root");
  expect(lines).toEqual([expect.objectContaining({ level: "info", rules: 1, admitEmpty: ["no-root"] })]);

  await writeFile(path, rule('mode = "block"'));
  await eventually(() => lines.some((line) => "reason" in line && String(line.reason).includes("mode must be deny")));
  expect(denialBy(file.admission, root)?.metadata.rule).toBe("no-root");

  await writeFile(path, rule('mode = "audit"'));
  await eventually(() => denialBy(file.admission, root) === undefined);
});

test("a file that is missing is told when it is opened", async () => {
  const path = join(await cleanup.tempDir(), "rules.toml");
  await expect(openAdmissionFile({ path, registry, log: keptLog().log, clock: systemClock })).rejects.toThrow(
    /rules\.toml can't be read: .+/,
  );
});
