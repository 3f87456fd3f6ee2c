import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { cleanupAfterAll } from "../../support/cleanup.js";
import { runCli } from "../../support/cli.js";

const cleanup = cleanupAfterAll();
let dir: string;
let rules: string;

const RULES = `
[[rule]]
name = "no-root"
expression = "user != 'root'"
message = "set command.user"

[[rule]]
name = "from-ci"
mode = "warn"
expression = "'token:ci' in identity"
message = "use CI"
`;

beforeAll(async () => {
  dir = await cleanup.tempDir();
  rules = await file("rules.toml", RULES);
});

async function file(name: string, content: string | object): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
}

const check = (...args: string[]) => runCli("admission", "check", ...args);
const task = (more: object) => ({ name: "t", task_id: { value: "t1" }, agent_id: { value: "a1" }, ...more });

test("without a task, it says what each rule makes of an empty and of a full one", async () => {
  const { status, stdout, stderr } = await check(rules);
  expect([status, stderr]).toEqual([0, ""]);
  expect(stdout).toBe(
    `${rules}: 2 rules can be used\n` +
      "  no-root (deny): empty task: admitted; full task: admitted\n" +
      "  from-ci (warn): empty task: refused; full task: refused\n",
  );
});

test("a file that is missing, or is not JSON, is told with the place, without a piece of it", async () => {
  const missing = join(dir, "missing");
  for (const args of [[missing], [rules, missing]]) {
    const { status, stderr } = await check(...args);
    expect([status, stderr]).toEqual([
      1,
      `mesos-bridge admission: ${missing} can't be read: there is no such file (ENOENT): check the path\n`,
    ]);
  }
  const broken = await file("broken.json", '{\n  "name": s3cret\n}');
  const { stderr } = await check(rules, broken);
  expect(stderr).toMatch(/ is not JSON: (check its quotes, commas and brackets|see line 2, column 11)\n$/);
  expect(stderr).not.toContain("s3cret");
  const cut = await file("cut.json", '{ "name": "t"');
  expect((await check(rules, cut)).stderr).toMatch(/ is not JSON: (it ends too early|see line 1, column \d+)\n$/);
});

test("a refused task is an exit status of 1, and each rule has a line", async () => {
  const { status, stdout } = await check(rules, await file("root.json", task({ command: { user: "root" } })));
  expect(status).toBe(1);
  expect(stdout).toMatch(
    /root\.json: refused\n {2}no-root \(deny\): refused: set command\.user\n {2}from-ci \(warn\): refused: use CI\n$/,
  );
});

test("framework, executor and identity are taken into account", async () => {
  const plain = await file("plain.json", task({ command: { value: "true" } }));
  const framework = await file("framework.json", { user: "root", name: "f" });
  const executor = await file("executor.json", { executor_id: { value: "e" }, command: { user: "nobody" } });
  expect((await check(rules, plain, "--framework", framework)).status).toBe(1);
  const { status, stdout } = await check(
    ...[rules, plain, "--framework", framework, "--executor", executor],
    ...["--identity", "cn:x", "--identity", "token:ci"],
  );
  expect([status, stdout]).toEqual([0, `${plain}: admitted\n  no-root (deny): holds\n  from-ci (warn): holds\n`]);
});

test.each([
  ["a wrong rule", "[[rule]]\n", [], /^mesos-bridge admission: \S+\.toml: rule 1: name is required: .+\n$/],
  [
    "a field of the task that is not known",
    RULES,
    [task({ comand: {} })],
    /^mesos-bridge admission: \S+\.json: TaskInfo does not have a field 'comand'/,
  ],
  ["a task that is not JSON", RULES, ["{"], /^mesos-bridge admission: \S+\.json is not JSON: .+\n$/],
] as const)("%s is an error with one line", async (name, text, tasks, expected) => {
  const base = name.replaceAll(" ", "-");
  const paths = await Promise.all(tasks.map((each) => file(`${base}.json`, each)));
  const { status, stdout, stderr } = await check(await file(`${base}.toml`, text), ...paths);
  expect([status, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(expected);
});

test("a file that is missing is an error", async () => {
  const { status, stderr } = await check(join(dir, "none.toml"));
  expect(status).toBe(1);
  expect(stderr).toMatch(/^mesos-bridge admission: .+none\.toml.+\n$/);
});
