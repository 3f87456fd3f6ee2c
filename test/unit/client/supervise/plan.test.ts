import { describe, expect, it } from "vitest";
import { type App, parseApps } from "../../../../clients/typescript/supervise/app.js";
import { newTask, parseTaskId, plan, type Task } from "../../../../clients/typescript/supervise/plan.js";

const NOW = 1_800_000_000_000;
const OLD = "00000000";

function appOf(more: object = {}): App {
  const [app] = parseApps(new Map([["apps.json", JSON.stringify({ id: "web", cmd: "sleep 1", ...more })]]));
  if (app === undefined) throw new Error("no app");
  return app;
}

/** A task of the app that runs, changed by `more`. */
function task(app: App, index: number, more: Partial<Task> = {}): Task {
  const attempt = more.attempt ?? NOW - 1_000;
  return { ...newTask(app, index, "agent", attempt), state: "running", ...more };
}

const old = (app: App, count: number, more: Partial<Task> = {}) =>
  Array.from({ length: count }, (_, index) => task(app, index, { hash: OLD, id: `web.${OLD}.${index}.1`, ...more }));

function planned(app: App, tasks: readonly Task[]): { kills: string[]; launches: number[] } {
  const { kills, wanted } = plan([app], tasks, () => false, NOW);
  return { kills: kills.map(({ id }) => id), launches: wanted.map(({ index }) => index) };
}

/** Does what is planned until nothing is left to do, with each launch ready and each kill done at the next step. */
function rollOut(app: App, start: readonly Task[]): { most: number; least: number; tasks: Task[] } {
  let tasks = [...start];
  const ready = () => tasks.filter(({ state, healthy }) => state === "running" && healthy !== false).length;
  let [most, least] = [tasks.length, ready()];
  for (let step = 0; step < 100; step++) {
    const { kills, wanted } = plan([app], tasks, () => false, NOW);
    if (kills.length === 0 && wanted.length === 0 && tasks.every(({ state }) => state === "running")) break;
    const dying = new Set(kills);
    tasks = [...tasks, ...wanted.map(({ index }) => newTask(app, index, "agent", NOW))].filter(
      (each) => each.state !== "killing",
    );
    tasks = tasks.map((each) => (dying.has(each) ? { ...each, state: "killing" } : each));
    most = Math.max(most, tasks.length);
    least = Math.min(least, ready());
    tasks = tasks.map((each) => (each.state === "staged" ? { ...each, state: "running", healthy: true } : each));
  }
  return { most, least, tasks };
}

describe("task ids", () => {
  it("hold all that a supervisor has to know", () => {
    const app = appOf({ id: "/shop/web.v2" });
    const { id } = newTask(app, 12, "agent", NOW);
    expect(id).toBe(`shop_web.v2.${app.hash}.12.${NOW}`);
    expect(parseTaskId(id)).toEqual({ app: "shop_web.v2", hash: app.hash, index: 12, attempt: NOW });
  });

  it.each(["", "web", "web.12345678.1", "web.1234567.1.2", "web.12345678.x.2", ".12345678.1.2"])("%j is none", (id) => {
    expect(parseTaskId(id)).toBeUndefined();
  });
});

describe("the plan", () => {
  it("is nothing while it is not known which tasks there are", () => {
    expect(plan([appOf()], undefined, () => false, NOW)).toEqual({ kills: [], wanted: [] });
  });

  it("launches what is missing, and nothing that runs, starts or waits", () => {
    const app = appOf({ instances: 4 });
    const tasks = [task(app, 1), task(app, 2, { state: "staged" })];
    expect(planned(app, tasks)).toEqual({ kills: [], launches: [0, 3] });
    expect(plan([app], tasks, () => true, NOW).wanted).toEqual([]);
  });

  it("ends the instances that are too many, the apps that are gone, and what is not an app's any more only once", () => {
    const app = appOf({ instances: 1 });
    const [first, second, third] = [task(app, 0), task(app, 1), task(app, 2, { state: "killing" })];
    expect(planned(app, [first, second, third])).toEqual({ kills: [second.id], launches: [] });
    expect(plan([], [first, third], () => false, NOW)).toEqual({ kills: [first], wanted: [] });
  });

  it("keeps one of two with one index: that which is ready, or the newer one", () => {
    const app = appOf();
    const [older, newer] = [task(app, 0, { attempt: 1 }), task(app, 0, { attempt: 2 })];
    expect(planned(app, [older, newer]).kills).toEqual([older.id]);
    expect(planned(app, [older, { ...newer, state: "staged" }]).kills).toEqual([newer.id]);
  });

  it("gives up what does not start in five minutes, and launches it anew", () => {
    const app = appOf();
    expect(planned(app, [task(app, 0, { state: "staged", attempt: NOW - 300_000 })]).kills).toEqual([]);
    const stuck = task(app, 0, { state: "staged", attempt: NOW - 300_001 });
    expect(planned(app, [stuck])).toEqual({ kills: [stuck.id], launches: [0] });
  });

  it.each([
    // instances, minimumHealthCapacity, maximumOverCapacity, most at a time, least ready at a time
    [4, 1, 1, 8, 4],
    [4, 1, 0, 5, 4],
    [4, 0.5, 0, 4, 2],
    [4, 0, 0, 4, 0],
    [10, 0.85, 0.25, 12, 9],
    [1, 1, 0.1, 2, 1],
    [2, 1, 0.1, 3, 2],
    [1, 0, 1, 2, 0],
  ])(
    "rolls %i instances out within %f and %f",
    (instances, minimumHealthCapacity, maximumOverCapacity, most, least) => {
      const app = appOf({ instances, upgradeStrategy: { minimumHealthCapacity, maximumOverCapacity } });
      const seen = rollOut(app, old(app, instances));
      expect(seen.tasks.map(({ hash }) => hash)).toEqual(Array.from({ length: instances }, () => app.hash));
      expect(seen.most).toBeLessThanOrEqual(most);
      expect(seen.least).toBeGreaterThanOrEqual(least);
    },
  );

  it("rolls out and scales at once, up and down", () => {
    for (const [from, to] of [
      [2, 5],
      [5, 2],
      [3, 0],
    ] as const) {
      const app = appOf({ instances: to });
      const { tasks, least } = rollOut(app, old(app, from));
      expect(tasks.map(({ hash, index }) => [hash, index])).toEqual(
        Array.from({ length: to }, (_, i) => [app.hash, i]),
      );
      expect(least).toBeGreaterThanOrEqual(Math.min(from, to));
    }
  });

  it("leaves what runs while the new version does not pass its health check", () => {
    const app = appOf({ instances: 2, healthChecks: [{ protocol: "COMMAND", command: { value: "false" } }] });
    const before = old(app, 2);
    for (const healthy of [undefined, false]) {
      const fresh = [task(app, 0, { healthy }), task(app, 1, { healthy })];
      expect(planned(app, [...before, ...fresh])).toEqual({ kills: [], launches: [] });
    }
    const half = [task(app, 0, { healthy: true }), task(app, 1)];
    expect(planned(app, [...before, ...half]).kills.length).toBe(1);
  });

  it("replaces what was not ready anyway at once", () => {
    const app = appOf({ instances: 2 });
    const [sick, fine] = [...old(app, 1, { healthy: false }), ...old(app, 2).slice(1)];
    expect(
      planned(
        app,
        [sick, fine].flatMap((each) => each ?? []),
      ),
    ).toEqual({ kills: [sick?.id], launches: [0, 1] });
  });
});
