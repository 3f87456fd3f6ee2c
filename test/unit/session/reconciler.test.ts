import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Call, Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { Reconciler, type ReconcilerOptions } from "../../../server/session/reconciler.js";
import { type KnownTask, KnownTasks } from "../../../server/session/tasks.js";
import { systemClock } from "../../../wire/clock.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

function tasks(...ids: string[]): KnownTask[] {
  const known = new KnownTasks();
  for (const id of ids) known.launched({ taskId: id, agentId: id === "nowhere" ? "" : `agent of ${id}` }, 0);
  return [...known.active()];
}

/** A reconciler, and the ids that each of its calls asked for; "all" for none. */
function reconciler(options: ReconcilerOptions = {}) {
  const asked: string[][] = [];
  const subject = new Reconciler(
    options,
    ({ bytes }) => {
      const call = Call.decode(bytes);
      expect(call.type).toBe(Call_Type.RECONCILE);
      const ids = call.reconcile?.tasks.map((task) => `${task.taskId?.value} ${task.agentId?.value ?? "?"}`) ?? [];
      asked.push(ids.length === 0 ? ["all"] : ids);
    },
    (work) => work(),
    systemClock,
  );
  return { subject, asked };
}

test("asks at once, and again with growing waits until each task is answered", () => {
  const { subject, asked } = reconciler({ initialWaitMs: 1_000, maxWaitMs: 3_000 });
  subject.start(tasks("a", "nowhere"));
  const both = ["a agent of a", "nowhere ?"];
  expect(asked).toEqual([both]);
  vi.advanceTimersByTime(999);
  expect(asked.length).toBe(1);
  vi.advanceTimersByTime(1);
  expect(asked.length).toBe(2);
  subject.answered("a");
  subject.answered("never heard of");
  vi.advanceTimersByTime(2_000);
  expect(asked.at(-1)).toEqual(["nowhere ?"]);
  // Capped: the next waits are all of 3 s.
  vi.advanceTimersByTime(6_000);
  expect(asked.length).toBe(5);
  subject.answered("nowhere");
  vi.advanceTimersByTime(60_000);
  expect(asked.length).toBe(5);
  subject.stop();
});

test("asks for all tasks every fifteen minutes once each is answered", () => {
  const { subject, asked } = reconciler();
  subject.start(tasks("a"));
  subject.answered("a");
  vi.advanceTimersByTime(5_000 + 15 * 60_000);
  expect(asked).toEqual([["a agent of a"], ["all"]]);
  vi.advanceTimersByTime(15 * 60_000);
  expect(asked.length).toBe(3);
  subject.stop();
});

test("without tasks only all are asked for, later", () => {
  const { subject, asked } = reconciler({ intervalMs: 100 });
  subject.start([]);
  expect(asked).toEqual([]);
  vi.advanceTimersByTime(250);
  expect(asked).toEqual([["all"], ["all"]]);
  subject.stop();
});

test("asks for a thousand tasks a call", () => {
  const { subject, asked } = reconciler();
  subject.start(tasks(...Array.from({ length: 2_500 }, (_, i) => `task-${i}`)));
  expect(asked.map((ids) => ids.length)).toEqual([1_000, 1_000, 500]);
  expect(new Set(asked.flat()).size).toBe(2_500);
  subject.stop();
});

test("stop ends it, and start begins anew with short waits", () => {
  const { subject, asked } = reconciler({ initialWaitMs: 1_000 });
  subject.start(tasks("a"));
  vi.advanceTimersByTime(10_000);
  const before = asked.length;
  subject.stop();
  vi.advanceTimersByTime(3_600_000);
  expect(asked.length).toBe(before);
  subject.start(tasks("b"));
  subject.start(tasks("c"));
  vi.advanceTimersByTime(1_000);
  expect(asked.slice(before)).toEqual([["b agent of b"], ["c agent of c"], ["c agent of c"]]);
  subject.stop();
});

describe("tasks that are asked for again", () => {
  test("are asked for at once while a subscription stands, and until each is answered", () => {
    const { subject, asked } = reconciler({ initialWaitMs: 1_000 });
    subject.start([]);
    subject.askAgain(tasks("a", "b"), false);
    expect(asked).toEqual([["a agent of a", "b agent of b"]]);
    subject.answered("a");
    vi.advanceTimersByTime(1_000);
    expect(asked.at(-1)).toEqual(["b agent of b"]);
    subject.answered("b");
    vi.advanceTimersByTime(10_000);
    expect(asked).toHaveLength(2);
    subject.stop();
  });

  test("are asked for with the next subscription, and with each until they are answered", () => {
    const { subject, asked } = reconciler();
    subject.askAgain(tasks("a", "b"), false);
    expect(asked).toEqual([]);
    subject.start(tasks("c"));
    expect(asked).toEqual([["c agent of c", "a agent of a", "b agent of b"]]);
    subject.answered("a");
    subject.stop();
    subject.start([]);
    expect(asked.at(-1)).toEqual(["b agent of b"]);
    subject.answered("b");
    subject.stop();
    subject.start([]);
    expect(asked).toHaveLength(2);
    subject.stop();
  });

  test("are those of one framework", () => {
    const { subject, asked } = reconciler();
    subject.askAgain(tasks("a"), true);
    subject.clear();
    subject.start([]);
    expect(asked).toEqual([]);
    subject.stop();
  });

  test("have all operations asked for beside them, once, if that is wanted", () => {
    const calls: unknown[] = [];
    const subject = new Reconciler(
      {},
      ({ bytes }, about) => calls.push([Call.decode(bytes).type, about]),
      (work) => work(),
      systemClock,
    );
    subject.askAgain([], true);
    expect(calls).toEqual([]);
    subject.start([]);
    subject.stop();
    subject.start([]);
    // Whoever sends it repeats it until Mesos has taken it.
    expect(calls).toEqual([[Call_Type.RECONCILE_OPERATIONS, "all operations"]]);
    subject.stop();
  });
});
