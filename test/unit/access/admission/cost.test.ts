import { describe, expect, test, vi } from "vitest";
import { expectLinear, GROWTH_TIMEOUT_MS } from "../../../support/growth.js";
import { admissionBy, denial, denialBy, launcherOf, launchOf, type PartialTask, ruleText } from "./admissionTests.js";

vi.setConfig({ testTimeout: GROWTH_TIMEOUT_MS });

const labelled = (count: number, value = "v"): PartialTask => ({
  name: "t",
  taskId: { value: "t1" },
  agentId: { value: "a1" },
  labels: { labels: Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value })) },
});

describe("a rule that takes too long on a task refuses it", () => {
  const all = "task.labels.labels";
  test.each([
    ["a macro in a macro", `${all}.all(a, ${all}.all(b, ${all}.all(c, true)))`],
    ["such a macro behind what holds", `${all}.all(a, ${all}.all(b, ${all}.all(c, true))) || true`],
    ["a macro that hides the failure", `${all}.exists(a, ${all}.all(b, ${all}.all(c, false || true)) || true)`],
    ["a list that is made again and again", `${all}.all(a, ${all}.map(b, b.key).size() > -1)`],
    ["whole tasks that are compared", `${all}.all(a, ${all}.all(b, task == task))`],
    ["lists that are compared", `${all}.all(a, ${all} == ${all})`],
    ["membership", `${all}.all(a, ${all}.exists(b, b in ${all}))`],
    ["texts that are searched", `${all}.all(a, !(a.value + a.value + a.value + a.value).contains('zzz'))`],
    ["patterns", `${all}.all(a, !a.value.matches('(v|w)*x$'))`],
  ])("%s", (_, expression) => {
    const { admission } = admissionBy(ruleText(expression));
    const error = denialBy(admission, launchOf(labelled(2_000, "v".repeat(2_000))));
    expect(error?.message).toMatch(/can't be evaluated \(it takes too long on this task: make the rule simpler\)/);
    // And the next one is looked at again.
    expect(denialBy(admission, launchOf(labelled(2)))).toBeUndefined();
  });
});

test("a text that is made into a number is short", () => {
  const digits = { ...labelled(0), name: "9".repeat(100_000) };
  expect(denial("int(task.name) < 5", launchOf(digits))?.message).toMatch(/a text is too long for a number/);
});

test("a call of more tasks than the rules can look at is refused, and says so", () => {
  const many = Array.from({ length: 80_000 }, () => labelled(0));
  const error = denial("user != 'root'", launchOf(...many));
  expect(error?.reason).toBe("ADMISSION_DENIED");
  expect(error?.message).toMatch(/take too long on so many or such large tasks: launch fewer with one call/);
});

test("such a call is admitted where no rule denies, and the log says so", () => {
  const many = Array.from({ length: 80_000 }, () => labelled(0));
  const { admission, lines } = admissionBy(ruleText("user != 'root'", { mode: "warn" }));
  expect(denialBy(admission, launchOf(...many))).toBeUndefined();
  expect(lines).toEqual([expect.objectContaining({ failure: expect.stringContaining("take too long") })]);
});

test("a large launch of plain tasks is admitted by fifty rules", () => {
  const tasks = Array.from({ length: 500 }, () => labelled(4));
  const rules = Array.from({ length: 50 }, (_, index) => ruleText("user != 'root'", { name: `rule-${index}` }));
  expect(denial(rules, launchOf(...tasks))).toBeUndefined();
});

describe("the time of a rule is linear", () => {
  const grows = (expression: string, size: number, payload: (count: number) => Uint8Array) =>
    expectLinear(expression, size, (count) => {
      const { admission } = admissionBy(expression);
      const accepted = payload(count);
      return () => expect(denialBy(admission, accepted, launcherOf())).toBeUndefined();
    });

  test("in the tasks", () => {
    grows("user != 'root'", 1_000, (count) => launchOf(...Array.from({ length: count }, () => labelled(1))));
  });

  test("in the elements of a macro", () => {
    grows("task.labels.labels.all(l, l.key != 'x')", 1_000, (count) => launchOf(labelled(count)));
  });

  test("in a text that is matched", () => {
    grows("!task.name.matches('^(a+)+$')", 20_000, (count) =>
      launchOf({ ...labelled(0), name: `${"a".repeat(count)}b` }),
    );
  });
});
