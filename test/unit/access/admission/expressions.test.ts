import { describe, expect, test } from "vitest";
import { engine, ruleText } from "./admissionTests.js";

/** What is wrong with an expression; undefined if it is taken. */
function problem(expression: string): string | undefined {
  try {
    engine.compile(ruleText(expression));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

describe("an expression is taken", () => {
  test.each([
    "user != 'root'",
    "has(task.command) && has(task.command.user) && task.command.user != 'root'",
    "!has(task.container) || task.container.type == ContainerInfo.Type.DOCKER",
    "task.container.type == mesos.v1.ContainerInfo.Type.MESOS",
    "task.container.type in [ContainerInfo.Type.DOCKER, ContainerInfo.Type.MESOS]",
    "task.resources.all(r, r.name != 'cpus' || r.scalar.value <= 4)",
    "task.resources.filter(r, r.name == 'cpus').map(r, r.scalar.value).all(v, v < 3.0)",
    "task.resources.exists_one(r, r.name == 'gpus') || task.resources.size() == 0",
    "task.resources.map(r, r.name == 'x', r.name).size() == 0",
    "task.labels.labels.exists(l, l.key == 'team' && l.value in ['a', 'b'])",
    "'token:deploy' in identity || identity.exists(n, n.startsWith('uri:spiffe://prod/'))",
    "!('cpus' in task.limits) || task.limits['cpus'].value < 3.0",
    "task.limits.all(name, task.limits[name].value < 5)",
    "group.size() <= 8 && group.all(t, has(t.command))",
    "has(executor.command) ? executor.command.user != 'root' : true",
    "framework.roles.all(role, role.startsWith('team-'))",
    "task.name.matches('^[a-z0-9-]+$')",
    "size(task.name) < 64 && string(task.command.shell) == 'true'",
    "double(task.resources.size()) * 1.5 < 10.0 && -1 < task.resources.size() % 7",
    "task.data == b'' || task.data.size() < 1000",
    "task.kill_policy.grace_period.nanoseconds < 1000000",
    "task == task && group == group",
    `true${" && true".repeat(200)}`,
  ])("%s", (expression) => {
    expect(problem(expression)).toBeUndefined();
  });
});

describe("an expression is refused, with what to do instead", () => {
  test.each<[string, string, RegExp]>([
    ["that is empty", " ", /^must not be empty$/],
    ["that is not CEL", "user ==", /^is not CEL: line 1, column 6: .+/],
    ["with a name that is not known", "tsk.name == ''", /'tsk\.name', which is not known: use task, executor, group/],
    ["with a name of JavaScript's", "constructor == 1", /'constructor', which is not known/],
    [
      "with an enum's value that does not exist",
      "task.container.type == ContainerInfo.Type.VM",
      /'ContainerInfo.Type.VM', which is not known/,
    ],
    [
      "with a field that does not exist",
      "task.usr == ''",
      /'usr' of mesos.v1.TaskInfo, which has none of that name: use name, /,
    ],
    ["with such a field in has()", "has(task.comand)", /'comand' of mesos.v1.TaskInfo/],
    [
      "with such a field in a branch that no sample takes",
      "task.name == 'x' && task.command.usr == ''",
      /'usr' of mesos.v1.CommandInfo/,
    ],
    ["with such a field in a macro", "task.resources.all(r, r.nme == '')", /'nme' of mesos.v1.Resource/],
    ["with the JSON name of a field", "task.taskId.value == ''", /'taskId' of mesos.v1.TaskInfo/],
    ["with a field of a text", "task.name.length == 3", /'length' of a string, which has no fields/],
    [
      "with a function that does not exist",
      "lower(task.name) == ''",
      /calls lower\(\), which is not known: use contains, /,
    ],
    [
      "with a function for dates",
      "timestamp('2030-01-01T00:00:00Z') > timestamp('2029-01-01T00:00:00Z')",
      /calls timestamp\(\), which is not known/,
    ],
    [
      "with a method as a function",
      "startsWith(task.name, 'a')",
      /calls startsWith\(\) in another way than text\.startsWith\(text\)/,
    ],
    [
      "with a method of a number",
      "task.resources.size().contains('1')",
      /calls contains\(\) with an int: it needs a string/,
    ],
    ["that is a number", "task.resources.size()", /^must be true or false, and is an int: compare it with something$/],
    ["that is a text", "task.name", /^must be true or false, and is a string/],
    ["that is true or a number", "task.name == 'x' ? 5 : true", /an int on one side of ':' and a bool on the other/],
    ["that is a list", "task.resources.map(r, r.name == 'cpus')", /^must be true or false, and is a list/],
    ["with a text as a condition", "task.name || true", /has a string where \|\| needs true or false/],
    ["with a text as a predicate", "task.resources.all(r, r.name)", /has a string where && needs true or false/],
    [
      "that compares an enum with a text",
      "task.container.type != 'DOCKER'",
      /an int with a string by !=: they are never equal/,
    ],
    ["that compares with null", "task.command == null", /null, which nothing is: use has\(\)/],
    ["that looks for a number among texts", "1 in identity", /an int among values each of which is a string/],
    ["that orders a text and a number", "task.name < 3", /a string with an int by <, which is not possible/],
    [
      "that adds numbers of two types",
      "task.resources.size() + 1.5 > 2.0",
      /make both one type with double\(\) or int\(\)/,
    ],
    ["that makes a message", "task == TaskInfo{name: 'x'}", /must not make messages or maps/],
    [
      "with a pattern that a task brings",
      "task.name.matches(framework.name)",
      /without a pattern in quotes: write the pattern into the rule/,
    ],
    ["with a pattern that is not RE2's", "task.name.matches('(?=a)')", /which RE2 does not take: /],
    [
      "with a pattern that is too long",
      `task.name.matches('${"a".repeat(257)}')`,
      /a pattern of 257 characters, and 256 are allowed/,
    ],
    [
      "that fails where nothing is set",
      "task.resources[0].name == 'cpus'",
      /^fails on a task in which nothing is set: a list has no element of that number: guard it with has\(\) or size\(\)$/,
    ],
    ["that divides by nothing", "10 / group.size() > 1", /in which nothing is set: int divide by zero/],
    ["that lacks a key", "task.limits['cpus'].value < 2.0", /a map has no such key/],
    [
      "that is too long",
      `user != '${"x".repeat(4_090)}'`,
      /^has 41\d\d characters, and 4096 are allowed: write several rules$/,
    ],
    [
      "of a thousand parentheses",
      `${"(".repeat(1_000)}true${")".repeat(1_000)}`,
      /^is nested more than 64 levels deep: write several rules$/,
    ],
    ["of a thousand sums", `${"1+".repeat(1_000)}1 > 0`, /^is nested more than 64 levels deep/],
    ["of a thousand fields", `task${".a".repeat(1_000)}`, /^is nested more than 64 levels deep/],
    [
      "of a thousand calls",
      `${"size(".repeat(600)}task.name${")".repeat(600)} > 0`,
      /^is nested more than 64 levels deep/,
    ],
  ])("%s", (_, expression, expected) => {
    expect(problem(expression)).toMatch(expected);
  });
});

test.each([
  ["user != 'root'", true],
  ["has(task.command) && has(task.command.user) && task.command.user != 'root'", false],
  ["task.command.user != 'root'", true],
])("%s admits a task in which nothing is set: %s", (expression, admits) => {
  expect(engine.compile(ruleText(expression)).admitsEmpty).toBe(admits);
});
