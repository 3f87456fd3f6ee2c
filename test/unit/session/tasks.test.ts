import { describe, expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { isTerminal, KnownTasks } from "../../../server/session/tasks.js";
import { status } from "./samples.js";

const ids = (tasks: Iterable<{ taskId: string }>) => [...tasks].map(({ taskId }) => taskId);

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
      },
    ]);
    expect([tasks.activeCount, tasks.has("t")]).toEqual([1, true]);
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
    expect(tasks.values()).toMatchObject([{ taskId: "t", agentId: "agent", ended: true }]);
  });

  test("a lost task that is back is active again, once", () => {
    const tasks = new KnownTasks();
    tasks.updated(status({ taskId: { value: "t" }, state: TaskState.TASK_LOST }), 1);
    tasks.updated(running("t"), 2);
    expect(ids(tasks.values())).toEqual(["t"]);
    expect(tasks.has("t")).toBe(true);
  });

  test("a task of the same id may be launched after the end of the first", () => {
    const tasks = new KnownTasks();
    tasks.updated(ended("t"), 1);
    tasks.launched({ taskId: "t", agentId: "b" }, 2);
    expect(tasks.values()).toMatchObject([{ taskId: "t", agentId: "b", ended: false, status: undefined }]);
  });

  test("a launch that Mesos has not taken is forgotten, one that it reported on is not", () => {
    const tasks = new KnownTasks();
    tasks.launched({ taskId: "a", agentId: "x" }, 1);
    tasks.notLaunched("a");
    tasks.updated(running("b"), 1);
    tasks.notLaunched("b");
    tasks.notLaunched("never heard of");
    expect(ids(tasks.values())).toEqual(["b"]);
  });

  test("of those that ended the last thousand are known", () => {
    const tasks = new KnownTasks();
    tasks.updated(running("r"), 0);
    for (let i = 0; i < 1_001; i++) tasks.updated(ended(`t-${i}`), i);
    expect(tasks.values().length).toBe(1_001);
    expect(ids(tasks.values())[0]).toBe("t-1");
    expect(ids(tasks.values()).at(-1)).toBe("r");
  });

  test("clear forgets all", () => {
    const tasks = new KnownTasks();
    tasks.updated(running("a"), 1);
    tasks.updated(ended("b"), 1);
    tasks.clear();
    expect([tasks.values(), tasks.activeCount]).toEqual([[], 0]);
  });
});
