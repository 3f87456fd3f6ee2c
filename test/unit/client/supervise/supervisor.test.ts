import { Status } from "nice-grpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runEventLoop } from "../../../../clients/typescript/library/eventLoop.js";
import { Scheduler } from "../../../../clients/typescript/library/scheduler.js";
import { parseApps } from "../../../../clients/typescript/supervise/app.js";
import { Supervisor } from "../../../../clients/typescript/supervise/supervisor.js";
import { Offer, type TaskInfo, TaskState, TaskStatus_Reason, Value_Type } from "../../../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../../../gen/mesos/v1/scheduler/scheduler.js";
import { eventually } from "../../../support/eventually.js";
import { FakeBridge, type FakeStream, refuse } from "../fakeBridge.js";

const { TASK_RUNNING, TASK_UNKNOWN, TASK_GONE, TASK_KILLED } = TaskState;

let fake: FakeBridge;
let stream: FakeStream;
let scheduler: Scheduler;
let supervisor: Supervisor;
let lines: string[];
let running: Promise<void>;
let sequence: bigint;

/** Begins to hold the app `web` against a bridge that has answered nothing yet. */
async function begin(app: object = {}): Promise<void> {
  scheduler = new Scheduler({ bridge: fake.address, frameworkName: "supervise", backoff: { initialMs: 1, maxMs: 5 } });
  supervisor = new Supervisor(scheduler, (line) => lines.push(line));
  supervisor.apps = parseApps(new Map([["apps.json", JSON.stringify({ id: "web", cmd: "true", ...app })]]));
  const onEvent = (event: Parameters<Supervisor["onEvent"]>[0]) => supervisor.onEvent(event);
  running = runEventLoop(scheduler, { onEvent, onTick: () => supervisor.act(), tickMs: 5 });
  stream = await fake.stream();
  stream.opened("a1");
  stream.snapshotEnd();
}

beforeEach(async () => {
  fake = await FakeBridge.start();
  lines = [];
  sequence = 0n;
});

afterEach(async () => {
  await scheduler.close(0);
  await running;
  fake.stop();
});

function mesos(value: object): void {
  sequence += 1n;
  stream.send({ sequence, event: { $case: "mesos", value } });
}

function update(id: string, state: TaskState, more: object = {}): void {
  const status = { taskId: { value: id }, agentId: { value: "agent" }, state, ...more };
  mesos({ type: Event_Type.UPDATE, update: { status } });
}

function offer(id: string): void {
  const scalar = (name: string, value: number) => ({ name, type: Value_Type.SCALAR, scalar: { value } });
  const resources = [scalar("cpus", 8), scalar("mem", 1024)];
  const offers = [Offer.fromPartial({ id: { value: id }, agentId: { value: "agent" }, hostname: "host", resources })];
  mesos({ type: Event_Type.OFFERS, offers: { offers } });
}

/** The task ids of the next question. */
async function asked(): Promise<string[]> {
  const { tasks } = (await fake.call("reconcileTasks")).request as unknown as {
    tasks: { taskId: { value: string } }[];
  };
  return tasks.map(({ taskId }) => taskId.value);
}

/** Answers the first questions, about tasks that are none. */
async function answer(): Promise<void> {
  const before = await asked();
  expect(await asked()).toEqual([]);
  const after = await asked();
  for (const id of [...before.slice(-1), ...after]) update(id, TASK_UNKNOWN);
}

/** The task of the next launch. */
async function launched(): Promise<string> {
  const { tasks } = (await fake.call("launchTasks")).request as unknown as { tasks: TaskInfo[] };
  expect(tasks.length).toBe(1);
  return tasks[0]?.taskId?.value ?? "";
}

describe("a supervisor", () => {
  it("launches nothing before Mesos has told of all tasks, and then what is missing", async () => {
    await begin({ instances: 2 });
    const [before = ""] = await asked();
    expect(await asked()).toEqual([]);
    const [after = ""] = await asked();
    offer("early");
    expect((await fake.call("declineOffers")).request.offerIds).toMatchObject([{ value: "early" }]);
    const hash = supervisor.apps[0]?.hash;
    update(before, TASK_UNKNOWN);
    update(`web.${hash}.0.1`, TASK_RUNNING);
    offer("early, too");
    expect((await fake.call("declineOffers")).request.offerIds).toMatchObject([{ value: "early, too" }]);
    update(after, TASK_UNKNOWN);
    await fake.call("reviveOffers");
    offer("o1");
    expect(await launched()).toMatch(new RegExp(`^web\\.${hash}\\.1\\.\\d+$`));
  });

  it("does not take the answers to another process's questions for those to its own", async () => {
    await begin();
    const [before = "", after = ""] = [...(await asked()), ...(await asked()), ...(await asked())];
    for (const id of [before, after]) update(id.replace(/[0-9a-f]{8}-/, "00000000-"), TASK_UNKNOWN);
    offer("early");
    await fake.call("declineOffers");
  });

  it("tries again on another offer when one is gone, and says nothing of it", async () => {
    await begin();
    await answer();
    fake.answer("launchTasks", (_, context) => refuse(context, Status.FAILED_PRECONDITION, "OFFER_GONE"));
    offer("o1");
    const first = await launched();
    fake.answer("launchTasks", () => ({}));
    await eventually(() => supervisor.tasks.size === 0);
    offer("o2");
    expect(await launched()).not.toBe(first);
    expect(lines.filter((line) => line.includes("failed"))).toEqual([]);
  });

  it("asks what became of a launch without an answer, before it launches again", async () => {
    await begin();
    await answer();
    fake.answer("launchTasks", (_, context) => refuse(context, Status.UNAVAILABLE, "OUTCOME_UNKNOWN"));
    offer("o1");
    const first = await launched();
    fake.answer("launchTasks", () => ({}));
    offer("o2");
    expect(await asked()).toEqual([first]);
    expect(await asked()).toEqual([]);
    expect(supervisor.tasks.size).toBe(1);
    update(first, TASK_GONE, { reason: TaskStatus_Reason.REASON_RECONCILIATION });
    await fake.call("reviveOffers");
    offer("o3");
    expect(await launched()).not.toBe(first);
  });

  it("waits before it tries again what is refused for what it is, and says why", async () => {
    await begin({ backoffSeconds: 1_000, maxLaunchDelaySeconds: 1_000 });
    await answer();
    const details = { fields: ["tasks[0].command"] };
    fake.answer("launchTasks", (_, context) => refuse(context, Status.INVALID_ARGUMENT, "INVALID_FIELD", details));
    offer("o1");
    await launched();
    await eventually(() => lines.some((line) => line.includes("tasks[0].command")));
    // It is still open, and comes again only if it is declined.
    expect((await fake.call("declineOffers")).request.offerIds).toMatchObject([{ value: "o1" }]);
    offer("o2");
    expect((await fake.call("declineOffers")).request.offerIds).toMatchObject([{ value: "o2" }]);
    expect(supervisor.tasks.size).toBe(0);
  });

  it("kills again what was to be killed, and still runs when that is asked", async () => {
    await begin({ instances: 0 });
    const id = `web.${supervisor.apps[0]?.hash}.0.1`;
    update(id, TASK_RUNNING);
    await answer();
    await fake.call("killTask");
    update(id, TASK_RUNNING);
    update(id, TASK_RUNNING, { reason: TaskStatus_Reason.REASON_RECONCILIATION });
    await fake.call("killTask");
    update(id, TASK_KILLED);
    await eventually(() => supervisor.empty);
    expect(lines).toEqual([`web.0 runs as ${id}`, `web.0 is killed: ${id}`]);
  });

  it("says once that a health check fails, until it passes or another version is checked", async () => {
    const healthChecks = [{ protocol: "COMMAND", command: { value: "true" } }];
    await begin({ instances: 0, healthChecks });
    const fails = (id: string) => update(id, TASK_RUNNING, { healthy: false });
    const [first, other] = [supervisor.apps[0]?.hash, "0".repeat(8)];
    for (const attempt of [1, 2, 3]) fails(`web.${first}.0.${attempt}`);
    update(`web.${first}.0.3`, TASK_RUNNING, { healthy: true });
    for (const attempt of [3, 4]) fails(`web.${first}.0.${attempt}`);
    fails(`web.${other}.0.5`);
    await eventually(() => lines.some((line) => line === `web.0 runs as web.${other}.0.5`));
    const told = "apps.json: healthChecks[0]: web.0 fails it; what runs keeps running";
    const checks = () => lines.filter((line) => line.includes("health"));
    await eventually(() => checks().length >= 4);
    expect(checks()).toEqual([told, "web.0 passes its health check", told, told]);
  });

  it("kills later what it can't kill now", async () => {
    await begin({ instances: 0 });
    fake.answer("killTask", (_, context) => refuse(context, Status.PERMISSION_DENIED, "NO"));
    update(`web.${supervisor.apps[0]?.hash}.0.1`, TASK_RUNNING);
    await answer();
    await fake.call("killTask");
    await fake.call("killTask");
  });
});

describe("an event loop", () => {
  it("ends with what a tick throws", async () => {
    scheduler = new Scheduler({ bridge: fake.address, frameworkName: "loop" });
    const onTick = () => Promise.reject(new Error("tick"));
    const loop = runEventLoop(scheduler, { onEvent: async () => undefined, onTick, tickMs: 1 });
    running = loop.catch(() => undefined);
    await expect(loop).rejects.toThrow("tick");
  });
});
