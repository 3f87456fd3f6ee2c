import { describe, expect, test } from "vitest";
import {
  ContainerInfo_Type,
  type FrameworkInfo_Capability_Type,
  Offer_Operation_Type as OperationType,
} from "../../../../gen/mesos/v1/mesos.js";
import { acceptOf, admissionBy, denial, denialBy, groupOf, launcherOf, launchOf, ruleText } from "./admissionTests.js";

const task = (more = {}) => ({ name: "t", taskId: { value: "t1" }, agentId: { value: "a1" }, ...more });
const runAs = (user: string) => task({ command: { user } });

describe("a rule in deny mode", () => {
  test("refuses a task for which it is false, and names itself, the task and the cure", () => {
    const error = denial(
      [ruleText("user != 'root'", { name: "no-root", message: "set command.user" })],
      launchOf(runAs("root")),
    );
    expect(error?.reason).toBe("ADMISSION_DENIED");
    expect(error?.status).toBe("PERMISSION_DENIED");
    expect(error?.metadata).toEqual({ rule: "no-root", task_id: "t1" });
    expect(error?.message).toBe("nothing was launched: rule 'no-root' refuses task 't1': set command.user");
  });

  test("admits a task for which it is true", () => {
    expect(denial("user != 'root'", launchOf(runAs("nobody")))).toBeUndefined();
  });

  test("refuses the whole call for one of its tasks", () => {
    const bad = { ...runAs("root"), taskId: { value: "bad" } };
    expect(denial("user != 'root'", launchOf(runAs("a"), bad))?.metadata.task_id).toBe("bad");
  });

  test("looks at every operation of a call, and at the message of the operation's type", () => {
    const harmless = { type: OperationType.LAUNCH, launch: { taskInfos: [runAs("a")] } };
    const group = {
      type: OperationType.LAUNCH_GROUP,
      launchGroup: { executor: {}, taskGroup: { tasks: [runAs("root")] } },
    };
    expect(denial("user != 'root'", acceptOf(harmless, group))?.reason).toBe("ADMISSION_DENIED");
    const notLaunched = { type: OperationType.LAUNCH, launchGroup: group.launchGroup };
    expect(denial("user != 'root'", acceptOf(notLaunched))).toBeUndefined();
  });

  test("refuses a task on which it fails", () => {
    const error = denial(
      "task.resources.size() == 0 || task.resources[1].name == 'cpus' || task.name == '1'",
      launchOf(task({ resources: [{ name: "x", type: 0 }] })),
    );
    expect(error?.message).toMatch(
      /refuses task 't1', because it can't be evaluated \(a list has no element of that number\): /,
    );
  });

  test("quotes nothing of a task that it fails on", () => {
    const error = denial(
      "task.command.value == '' || int(task.command.value) < 5",
      launchOf(task({ command: { value: "SECRET" } })),
    );
    expect(error?.message).toMatch(/a value can't be converted, or is out of range/);
    expect(error?.message).not.toContain("SECRET");
  });

  test("without rules, and without launches, nothing is looked at", () => {
    expect(denial([], Buffer.from("not protobuf"))).toBeUndefined();
    expect(denial("false", acceptOf())).toBeUndefined();
    expect(denial("false", launchOf(task()))?.reason).toBe("ADMISSION_DENIED");
  });
});

describe("what is not set", () => {
  test("reads as its default in proto2: shell is true", () => {
    expect(denial("task.command.shell", launchOf(task({ command: { value: "x" } })))).toBeUndefined();
    expect(denial("!has(task.command.shell)", launchOf(task({ command: { value: "x" } })))).toBeUndefined();
    expect(denial("task.command.shell", launchOf(task({ command: { shell: false } })))).toBeDefined();
    expect(denial("has(task.command.shell)", launchOf(task({ command: { shell: true } })))).toBeUndefined();
  });

  test("makes a comparison true, and has() tells it", () => {
    const expression = "task.command.user != 'root'";
    expect(denial(expression, launchOf(task()))).toBeUndefined();
    expect(denial(`has(task.command) && has(task.command.user) && ${expression}`, launchOf(task()))).toBeDefined();
    expect(
      denial(`has(task.command) && has(task.command.user) && ${expression}`, launchOf(runAs("a"))),
    ).toBeUndefined();
  });

  test("an empty text that is set is set", () => {
    expect(denial("has(task.command.user)", launchOf(runAs("")))).toBeUndefined();
    expect(denial("has(task.command.user)", launchOf(task({ command: {} })))).toBeDefined();
  });
});

describe("an enum's number that is not known", () => {
  const unknown = 99 as ContainerInfo_Type;

  test("is refused, because a rule would read the default", () => {
    const accepted = launchOf(task({ container: { type: unknown } }));
    const error = denial("task.container.type == ContainerInfo.Type.DOCKER", accepted);
    expect(error?.message).toMatch(/container\.type has a number that its enum does not have/);
    expect(error?.metadata).toEqual({ task_id: "t1" });
  });

  test("is refused in lists, in groups and in the group's executor", () => {
    const volume = { mode: 7 as never, containerPath: "/x" };
    expect(denial("true", launchOf(task({ container: { type: 1, volumes: [volume] } })))?.message).toMatch(
      /container\.volumes\.mode/,
    );
    expect(denial("true", groupOf({}, task({ container: { type: unknown } })))?.message).toMatch(/container\.type/);
    expect(denial("true", groupOf({ container: { type: unknown } }, task()))?.message).toMatch(/container\.type/);
  });

  test("is refused in the framework", () => {
    const capabilities = [{ type: 99 as FrameworkInfo_Capability_Type }];
    const error = denial("true", launchOf(task()), launcherOf({ user: "a", name: "n", capabilities }));
    expect(error?.message).toMatch(/capabilities\.type/);
  });

  test("known ones are admitted", () => {
    expect(denial("true", launchOf(task({ container: { type: ContainerInfo_Type.MESOS } })))).toBeUndefined();
  });
});

describe("the user of a task", () => {
  const expectUser = (accepted: Uint8Array, user: string) =>
    expect(denial(`user == '${user}'`, accepted, launcherOf({ user: "framework", name: "n" }))).toBeUndefined();

  test("is the command's", () => expectUser(launchOf(runAs("command")), "command"));
  test("is its executor's", () =>
    expectUser(
      launchOf(task({ executor: { executorId: { value: "e" }, command: { user: "executor" } } })),
      "executor",
    ));
  test("is the group's executor's", () =>
    expectUser(groupOf({ command: { user: "group" } }, task({ command: {} })), "group"));
  test("is the command's in a group of a DEFAULT executor, which runs nothing of its own", () =>
    expectUser(groupOf({}, runAs("command")), "command"));
  test("is the framework's else", () => expectUser(launchOf(task({ command: { value: "x" } })), "framework"));
});

describe("a rule about the user is tried for everything that runs", () => {
  const CUSTOM = 2;
  const asRoot = { command: { value: "x", user: "root" } };
  const asNobody = { command: { value: "x", user: "nobody" } };
  const alone = (more: object) => launchOf(task({ ...asNobody, ...more }));
  const executorId = { value: "e" };
  const ofRoot = launcherOf({ user: "root", name: "n" });

  test.each([
    ["the executor of a task", launchOf(task({ executor: { executorId, ...asRoot } }))],
    ["the executor of a group, whose tasks name another", groupOf({ type: CUSTOM, ...asRoot }, task(asNobody))],
    ["a health check", alone({ healthCheck: asRoot })],
    ["a check", alone({ check: { command: asRoot } })],
    ["a health check in a group", groupOf({}, task({ ...asNobody, healthCheck: asRoot }))],
    [
      "a check of an executor's task",
      launchOf(task({ executor: { executorId, ...asNobody }, check: { command: asRoot } })),
    ],
  ])("%s", (_what, accepted) => {
    expect(denial("user != 'root'", accepted)?.metadata).toEqual({ rule: "rule", task_id: "t1" });
    expect(denial("user in ['root', 'nobody']", accepted)).toBeUndefined();
  });

  test.each([
    ["the executor of a task", launchOf(task({ executor: { executorId, command: { value: "x" } } }))],
    ["the executor of a group", groupOf({ type: CUSTOM, command: { value: "x" } }, task(asNobody))],
    ["a DEFAULT executor in a container of the client's", groupOf({ container: { type: 2 } }, task(asNobody))],
  ])("which is the framework's where it names none: %s", (_what, accepted) => {
    expect(denial("user != 'root'", accepted, ofRoot)?.metadata.rule).toBe("rule");
    expect(denial("user != 'root'", accepted)).toBeUndefined();
  });

  test("checks that name none run as their task", () => {
    const check = { command: { value: "x" } };
    expect(
      denial("user == 'nobody'", alone({ healthCheck: check, check: { command: check } }), ofRoot),
    ).toBeUndefined();
  });

  test("and is noted once for a task", () => {
    const { admission, audited } = admissionBy(ruleText("user == 'a'", { mode: "audit" }));
    denialBy(admission, alone({ healthCheck: asRoot }));
    expect(audited).toHaveLength(1);
    expect(audited[0]).toMatchObject({ event: "admission", tasks: 1 });
  });
});

describe("what a rule sees", () => {
  test("all names of the identity", () => {
    const launcher = launcherOf(undefined, { kind: "certificate", names: ["uri:spiffe://x/y", "cn:y"] });
    expect(denial("'cn:y' in identity && identity.size() == 2", launchOf(task()), launcher)).toBeUndefined();
    expect(denial("identity.size() == 0", launchOf(task()))).toBeUndefined();
  });

  test("the group and its executor, and of a task alone its own", () => {
    const executor = { executorId: { value: "e" } };
    expect(
      denial("group.size() == 2 && executor.executor_id.value == 'e'", groupOf(executor, task(), task())),
    ).toBeUndefined();
    expect(
      denial("group.size() == 0 && executor.executor_id.value == 'e'", launchOf(task({ executor }))),
    ).toBeUndefined();
    expect(denial("!has(executor.command)", launchOf(task()))).toBeUndefined();
  });

  test("the framework as it is now", () => {
    const { admission } = admissionBy("framework.user == 'a'");
    expect(denialBy(admission, launchOf(task()), launcherOf({ user: "a", name: "n" }))).toBeUndefined();
    expect(denialBy(admission, launchOf(task()), launcherOf({ user: "b", name: "n" }))).toBeDefined();
  });
});

describe("a rule that does not refuse", () => {
  const by = (mode: "warn" | "audit") => admissionBy(ruleText("user != 'root'", { mode, name: "no-root" }));
  const root = launchOf(runAs("root"), runAs("root"));

  test("warns with one line for each call, and at most once in ten seconds", async () => {
    const { admission, lines, clock } = by("warn");
    for (let call = 0; call < 5; call++) expect(denialBy(admission, root)).toBeUndefined();
    expect(lines).toEqual([
      expect.objectContaining({
        level: "warn",
        rule: "no-root",
        framework: "jobs",
        identity: "anonymous",
        tasks: 2,
        taskId: "t1",
      }),
    ]);
    await clock.advance(10_000);
    admission.check(root, launcherOf());
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatchObject({ callsNotLogged: 4 });
  });

  test("audits every call, and logs nothing", () => {
    const { admission, lines, audited } = by("audit");
    for (let call = 0; call < 3; call++) admission.check(root, launcherOf());
    expect(audited).toHaveLength(3);
    expect(audited[0]).toMatchObject({ rule: "no-root", tasks: 2 });
    expect(lines).toEqual([]);
  });

  test("admits a task on which it fails, and says why", () => {
    const expression = "task.command.value == '' || int(task.command.value) < 5";
    const { admission, lines } = admissionBy(ruleText(expression, { mode: "warn" }));
    admission.check(launchOf(task({ command: { value: "SECRET" } })), launcherOf());
    expect(lines[0]).toMatchObject({ failure: "a value can't be converted, or is out of range" });
    expect(JSON.stringify(lines)).not.toContain("SECRET");
  });

  test("does not keep a rule behind it from refusing", () => {
    const rules = [
      ruleText("user != 'root'", { mode: "warn", name: "soft" }),
      ruleText("user != 'root'", { name: "hard" }),
    ];
    expect(denial(rules, root)?.metadata.rule).toBe("hard");
  });
});
