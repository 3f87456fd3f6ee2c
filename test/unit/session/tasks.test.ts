import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { isTerminal, KnownTasks } from "../../../server/session/tasks.js";
import { status } from "./samples.js";

const ids = (tasks: Iterable<{ taskId: string }>) => [...tasks].map(({ taskId }) => taskId);
const all = (tasks: KnownTasks) => [...tasks.after(undefined)];

test("every state of Mesos is terminal or not", () => {
  const states = Object.keys(TaskState).filter((name) => name.startsWith("TASK_"));
  const terminal = states.filter((name) => isTerminal(TaskState[name as keyof typeof TaskState]));
  expect(terminal.sort()).toEqual([
    "TASK_DROPPED",
    "TASK_ERROR",
    "TASK_FAILED",
    "TASK_FINISHED",
    "TASK_GONE",
    "TASK_GONE_BY_OPERATOR",
    "TASK_KILLED",
    "TASK_LOST",
  ]);
  expect(states.length).toBe(14);
});

describe("known tasks", () => {
  const running = (taskId: string) =>
    status({ taskId: { value: taskId }, agentId: { value: "agent" }, state: TaskState.TASK_RUNNING });
  const ended = (taskId: string) => status({ taskId: { value: taskId }, state: TaskState.TASK_FINISHED });

  test("a launched task is active and has no status", () => {
    const tasks = new KnownTasks();
    tasks.launched({ taskId: "t", agentId: "a" }, 5);
    expect([...tasks.active()]).toEqual([
      {
        taskId: "t",
        taskIdBytes: Buffer.from("\x0a\x01t"),
        agentId: "a",
        agentIdBytes: Buffer.from("\x0a\x01a"),
        status: undefined,
        updateTimeMs: 5,
        ended: false,
        unconfirmed: true,
        cookie: new Uint8Array(0),
      },
    ]);
    expect([tasks.activeCount, tasks.has("t")]).toEqual([1, true]);
  });

  describe("of which a client has to know", () => {
    const open = (tasks: KnownTasks) =>
      tasks.open().map(({ taskId, unconfirmed, cookie }) => [taskId, unconfirmed, Buffer.from(cookie).toString()]);
    const launched = (tasks: KnownTasks, taskId: string, cookie = "") =>
      tasks.launched({ taskId, agentId: "a", cookie: Buffer.from(cookie) }, 1);

    test("a launch is unconfirmed until Mesos takes it, or says something of the task", () => {
      const tasks = new KnownTasks();
      for (const id of ["1", "2", "3"]) launched(tasks, id, `of ${id}`);
      tasks.taken("1");
      tasks.updated(running("2"), 2);
      expect(open(tasks)).toEqual([
        ["1", false, "of 1"],
        ["2", false, "of 2"],
        ["3", true, "of 3"],
      ]);
    });

    test("a task stays when it has ended, until it is forgotten", () => {
      const tasks = new KnownTasks();
      launched(tasks, "1", "one");
      tasks.updated(ended("1"), 2);
      expect(open(tasks)).toEqual([["1", false, "one"]]);
      expect(tasks.forget("1")).toBe(true);
      expect(open(tasks)).toEqual([]);
      expect([...tasks.after(undefined)].map(({ taskId, cookie }) => [taskId, cookie.length])).toEqual([["1", 0]]);
    });

    test("one that runs after all keeps its cookie, and is not forgotten", () => {
      const tasks = new KnownTasks();
      launched(tasks, "1", "one");
      tasks.updated(status({ taskId: { value: "1" }, state: TaskState.TASK_LOST }), 2);
      tasks.updated(running("1"), 3);
      expect(tasks.forget("1")).toBe(false);
      expect(open(tasks)).toEqual([["1", false, "one"]]);
    });

    test("a task of an id that was used before has the cookie of its own launch", () => {
      const tasks = new KnownTasks();
      launched(tasks, "1", "first");
      tasks.updated(ended("1"), 2);
      launched(tasks, "1", "2nd");
      expect(open(tasks)).toEqual([["1", true, "2nd"]]);
      tasks.notLaunched("1");
      expect(open(tasks)).toEqual([]);
    });
  });

  test("an agent that is not known has no bytes", () => {
    const tasks = new KnownTasks();
    tasks.launched({ taskId: "t", agentId: "" }, 5);
    expect([...tasks.active()][0]?.agentIdBytes.length).toBe(0);
  });

  test("an update replaces what was known, and keeps the agent where it names none", () => {
    const tasks = new KnownTasks();
    tasks.launched({ taskId: "t", agentId: "a" }, 1);
    tasks.updated(status({ taskId: { value: "t" }, state: TaskState.TASK_STARTING }), 2);
    expect([...tasks.active()]).toMatchObject([{ agentId: "a", updateTimeMs: 2, ended: false }]);
    tasks.updated(running("t"), 3);
    expect([...tasks.active()]).toMatchObject([{ agentId: "agent", updateTimeMs: 3 }]);
  });

  test("a task that ended is not active, and still known", () => {
    const tasks = new KnownTasks();
    tasks.updated(running("t"), 1);
    tasks.updated(ended("t"), 2);
    expect([tasks.activeCount, tasks.has("t")]).toEqual([0, false]);
    expect(all(tasks)).toMatchObject([{ taskId: "t", agentId: "agent", ended: true }]);
  });

  test("a lost task that is back is active again, once", () => {
    const tasks = new KnownTasks();
    tasks.updated(status({ taskId: { value: "t" }, state: TaskState.TASK_LOST }), 1);
    tasks.updated(running("t"), 2);
    expect(ids(all(tasks))).toEqual(["t"]);
    expect(tasks.has("t")).toBe(true);
  });

  test("a task of the same id may be launched after the end of the first", () => {
    const tasks = new KnownTasks();
    tasks.updated(ended("t"), 1);
    tasks.launched({ taskId: "t", agentId: "b" }, 2);
    expect(all(tasks)).toMatchObject([{ taskId: "t", agentId: "b", ended: false, status: undefined }]);
  });

  test("a launch that Mesos has not taken is forgotten, one that it reported on is not", () => {
    const tasks = new KnownTasks();
    tasks.launched({ taskId: "a", agentId: "x" }, 1);
    tasks.notLaunched("a");
    tasks.updated(running("b"), 1);
    tasks.notLaunched("b");
    tasks.notLaunched("never heard of");
    expect(ids(all(tasks))).toEqual(["b"]);
  });

  test("of those that ended the last thousand are known", () => {
    const tasks = new KnownTasks();
    tasks.updated(running("r"), 0);
    for (let i = 0; i < 1_001; i++) tasks.updated(ended(`t-${i}`), i);
    expect(all(tasks).length).toBe(1_001);
    expect(new Set(ids(all(tasks)))).toEqual(new Set(["r", ...Array.from({ length: 1_000 }, (_, i) => `t-${i + 1}`)]));
  });

  test("are listed in the order of their ids, whether they were listed before or not", () => {
    const steps: Record<string, (tasks: KnownTasks, taskId: string) => void> = {
      launched: (tasks, taskId) => tasks.launched({ taskId, agentId: "a" }, 0),
      notLaunched: (tasks, taskId) => tasks.notLaunched(taskId),
      running: (tasks, taskId) => tasks.updated(running(taskId), 0),
      ended: (tasks, taskId) => tasks.updated(ended(taskId), 0),
      clear: (tasks) => tasks.clear(),
    };
    const step = fc.record({
      does: fc.oneof(
        { weight: 50, arbitrary: fc.constantFrom("launched", "notLaunched", "running", "ended") },
        { weight: 1, arbitrary: fc.constant("clear") },
      ),
      taskId: fc.nat({ max: 30 }).map((id) => `t-${id}`),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (all) => {
        const [listed, unlisted] = [new KnownTasks(), new KnownTasks()];
        // Of those that ended the oldest go.
        for (const tasks of [listed, unlisted]) for (let i = 0; i < 999; i++) tasks.updated(ended(`t-${i}`), 0);
        for (const { does, taskId } of all) {
          ids(listed.after("t-2"));
          for (const tasks of [listed, unlisted]) steps[does]?.(tasks, taskId);
        }
        expect(ids(unlisted.after(undefined))).toEqual(ids(unlisted.after(undefined)).sort());
        expect([...listed.after(undefined)]).toEqual([...unlisted.after(undefined)]);
        expect(listed.size).toBe(ids(listed.after(undefined)).length);
      }),
      { numRuns: 20 },
    );
  });

  test("clear forgets all", () => {
    const tasks = new KnownTasks();
    tasks.updated(running("a"), 1);
    tasks.updated(ended("b"), 1);
    tasks.clear();
    expect([all(tasks), tasks.activeCount]).toEqual([[], 0]);
  });
});
