import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Status } from "nice-grpc";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Batch } from "../../../clients/typescript/invert/batch.js";
import type { Display } from "../../../clients/typescript/invert/display.js";
import { Executors } from "../../../clients/typescript/invert/executors.js";
import { FileServer } from "../../../clients/typescript/invert/fileServer.js";
import type { ImageRecord } from "../../../clients/typescript/invert/image.js";
import type { Input } from "../../../clients/typescript/invert/input.js";
import { Ledger } from "../../../clients/typescript/invert/ledger.js";
import { Patience } from "../../../clients/typescript/invert/patience.js";
import { planImages } from "../../../clients/typescript/invert/plan.js";
import { ResultNames } from "../../../clients/typescript/invert/resultNames.js";
import { amounts } from "../../../clients/typescript/library/resources.js";
import { Scheduler } from "../../../clients/typescript/library/scheduler.js";
import { encodeFailure, parseJob } from "../../../executor/inverter/job.js";
import {
  ExecutorInfo,
  Offer,
  type TaskInfo,
  TaskState,
  TaskStatus_Reason,
  Value_Type,
} from "../../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { LinkState } from "../../../gen/mesosbridge/v1/scheduler.js";
import { eventually } from "../../support/eventually.js";
import { FakeBridge, type FakeStream, refuse } from "./fakeBridge.js";

const { TASK_FINISHED, TASK_FAILED, TASK_LOST, TASK_RUNNING, TASK_UNREACHABLE, TASK_KILLED, TASK_UNKNOWN } = TaskState;

let folder: string;
let fake: FakeBridge;
let stream: FakeStream;
let ledger: Ledger;
let scheduler: Scheduler;
let server: FileServer;
let batch: Batch;
let lines: string[];
let running: Promise<void>;
let sequence = 0n;

const display: Display = {
  note: (line) => lines.push(line),
  stage: ({ name }, stage) => lines.push(`${name} ${stage}`),
  again: ({ name, reason }) => lines.push(`${name} again: ${reason}`),
  over: ({ name, state, reason }) => lines.push(`${name} ${state}${reason ? `: ${reason}` : ""}`),
  gallery: () => undefined,
  close: () => undefined,
};

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "batch-"));
  fake = await FakeBridge.start();
  lines = [];
  sequence = 0n;
});

afterEach(async () => {
  await scheduler.close(0);
  await running;
  await server.close();
  fake.stop();
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Begins a batch with these images, as the program does, up to the end of an empty snapshot. */
async function begin(...names: string[]): Promise<void> {
  await beginAt(0, ...names);
}

async function beginAt(port: number, ...names: string[]): Promise<void> {
  await prepare(port, ...names);
  stream.opened("a1");
  stream.snapshotEnd();
}

/** The same, up to where the bridge has been asked for a stream. */
async function prepare(port: number, ...names: string[]): Promise<void> {
  const inputs = names.map(
    (name): Input => ({ key: join(folder, name), kind: "file", name, label: name, size: 1, mtimeMs: 1 }),
  );
  ledger = Ledger.open(folder);
  const images = planImages(inputs, ledger.images, new ResultNames([]), folder);
  scheduler = new Scheduler({ bridge: fake.address, frameworkName: "batch", backoff: { initialMs: 1, maxMs: 5 } });
  batch = new Batch(images, {
    scheduler,
    ledger,
    display,
    output: folder,
    needs: { task: amounts(1, 100), executor: amounts(0.1, 32) },
    describeNeeds: "a task needs 1 CPU",
    demand: "the framework batch in the role *",
    retries: 1,
    limits: { timeout_seconds: 5 },
  });
  server = await FileServer.start({
    bindHost: "127.0.0.1",
    port,
    advertisedHost: "127.0.0.1",
    archive: { path: "", fileName: "x.tar.gz", token: "t" },
    folder,
    maxResultBytes: 1000,
    findImage: (id) => {
      const image = batch.find(id);
      return image && { token: image.token, inputPath: image.key, hasResult: image.result !== undefined };
    },
    onResult: (id, result) => batch.onResult(id, result),
    onUnwritable: (error) => {
      throw error;
    },
  });
  const isBusy = (agent: string, executor: string) => batch.isBusy(agent, executor);
  batch.connect(server, new Executors(ledger, { archiveUrl: server.archiveUrl, command: "run" }, isBusy));
  running = (async () => {
    for await (const event of scheduler.events()) {
      await batch.onEvent(event);
      if (batch.over) break;
    }
  })();
  stream = await fake.stream();
}

/** The bridge lost its master, or found one. */
function link(state: LinkState, reason = "", master = ""): void {
  sequence += 1n;
  stream.send({ sequence, event: { $case: "linkChanged", value: { state, reason, master } } });
}

function mesos(value: object): void {
  sequence += 1n;
  const ackToken = "update" in value ? `ack-${sequence}` : "";
  stream.send({ sequence, ackToken, event: { $case: "mesos", value } });
}

function offer(agent: string, cpus = 8, executorIds: string[] = []): void {
  const scalar = (name: string, value: number) => ({ name, type: Value_Type.SCALAR, scalar: { value } });
  const offered = Offer.fromPartial({
    id: { value: `offer-${sequence}` },
    agentId: { value: `m-${agent}` },
    hostname: "host",
    resources: [scalar("cpus", cpus), scalar("mem", 1000)],
    executorIds: executorIds.map((value) => ({ value })),
  });
  mesos({ type: Event_Type.OFFERS, offers: { offers: [offered] } });
}

function update(
  taskId: string,
  state: TaskState,
  more: { reason?: TaskStatus_Reason; message?: string; data?: Buffer } = {},
): void {
  const status = { taskId: { value: taskId }, agentId: { value: "m-S0" }, state, ...more };
  mesos({ type: Event_Type.UPDATE, update: { status } });
}

/** The tasks of the next launch. */
async function launched(): Promise<TaskInfo[]> {
  return (await fake.call("launchTasks")).request.tasks as TaskInfo[];
}

const idOf = (task: TaskInfo | undefined) => task?.taskId?.value ?? "";

/** Puts a result, as the executor does. */
async function put(task: TaskInfo | undefined, content = "inverted"): Promise<number> {
  const { output_url } = parseJob(task?.data);
  return (await fetch(output_url, { method: "PUT", body: content })).status;
}

/** Waits until the batch has shown so many such lines. */
async function shown(text: string, count = 1): Promise<void> {
  await eventually(() => lines.filter((line) => line.includes(text)).length >= count, { what: text });
}

const states = () => batch.images.map(({ state }) => state);

describe("a batch", () => {
  it("launches what waits, takes the results, and is over when all tasks have ended", async () => {
    await begin("a.png", "b.png");
    expect((await fake.calls.take())?.method).toBe("reviveOffers");
    offer("S0");
    const tasks = await launched();
    expect(tasks.map(({ executor }) => executor)).toEqual([tasks[1]?.executor, tasks[0]?.executor]);
    expect(tasks[0]?.executor?.resources.map(({ scalar }) => scalar?.value)).toEqual([0.1, 32]);
    expect((await fake.call("suppressOffers")).request.roles).toEqual([]);
    for (const task of tasks) {
      expect(await put(task)).toBe(201);
      update(idOf(task), TASK_FINISHED);
    }
    await running;
    expect(states()).toEqual(["done", "done"]);
    expect(readFileSync(join(folder, "a-inverted.png"), "utf8")).toBe("inverted");
  });

  it("has written down what it launches before it does", async () => {
    await begin("a.png");
    let known: ImageRecord[] = [];
    fake.answer("launchTasks", () => {
      known = [...Ledger.open(folder).images.values()];
      return {};
    });
    offer("S0");
    const [task] = await launched();
    expect(known).toMatchObject([{ state: "launched", task: { id: idOf(task), agentId: "m-S0", host: "host (S0)" } }]);
  });

  it("uses an agent's executor again, byte for byte and without resources for it", async () => {
    await begin("a.png", "b.png");
    offer("S0", 1.1);
    const [first] = await launched();
    const bytes = (task: TaskInfo | undefined) =>
      Buffer.from(ExecutorInfo.encode(ExecutorInfo.fromPartial(task?.executor ?? {})).finish());
    offer("S0", 1, [first?.executor?.executorId?.value ?? ""]);
    const [second] = await launched();
    expect(bytes(second)).toEqual(bytes(first));
  });

  it("starts another executor when that of the agent has ended", async () => {
    await begin("a.png", "b.png");
    offer("S0", 1.1);
    const [first] = await launched();
    const executorId = first?.executor?.executorId;
    mesos({ type: Event_Type.FAILURE, failure: { agentId: { value: "m-S0" }, executorId, status: 9 } });
    offer("S0", 1.1);
    const [second] = await launched();
    expect(second?.executor?.executorId?.value).not.toBe(executorId?.value);
  });

  it("declines for long what is too small, and says what would do", async () => {
    await begin("a.png");
    offer("S0", 1);
    const { request } = await fake.call("declineOffers");
    expect(request.filters).toMatchObject({ refuseSeconds: 3600 });
    expect(batch.hindrance()).toBe("the offer of agent host (S0) is too small: a task needs 1 CPU");
  });

  it("launches again what Mesos lost, so often and no more", async () => {
    await begin("a.png");
    offer("S0");
    const [first] = await launched();
    update(idOf(first), TASK_LOST, { reason: TaskStatus_Reason.REASON_AGENT_REMOVED, message: "agent gone" });
    await fake.call("reviveOffers");
    offer("S1");
    const [second] = await launched();
    expect(idOf(second)).not.toBe(idOf(first));
    update(idOf(second), TASK_FAILED, { reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED });
    await running;
    expect(batch.images).toMatchObject([{ state: "failed", losses: 2, launches: 2 }]);
    expect(lines).toContain("a.png again: TASK_LOST, REASON_AGENT_REMOVED: agent gone");
    expect(lines.at(-1)).toBe("a.png failed: lost 2 times; the last time: TASK_FAILED, REASON_EXECUTOR_TERMINATED");
  });

  it("takes an image's own failure for final, in words without URLs, and goes on with the others", async () => {
    await begin("a.png", "b.png");
    offer("S0");
    const [a, b] = await launched();
    const { input_url, output_url } = parseJob(a?.data);
    const data = encodeFailure({ version: 1, stage: "inverting", retryable: false });
    update(idOf(a), TASK_FAILED, { message: `${input_url}: not an image; ${output_url}`, data });
    await shown("a.png failed: not an image; mesos-invert");
    await put(b);
    update(idOf(b), TASK_FINISHED);
    await running;
    expect(states()).toEqual(["failed", "done"]);
    expect(lines.join()).not.toContain("http");
  });

  it("tries again after a failure that need not happen again, and after an end without a result", async () => {
    await begin("a.png");
    offer("S0");
    const data = encodeFailure({ version: 1, stage: "fetching", retryable: true });
    update(idOf((await launched())[0]), TASK_FAILED, { message: "server gone", data });
    offer("S0");
    update(idOf((await launched())[0]), TASK_FINISHED);
    await running;
    expect(lines.at(-1)).toBe("a.png failed: lost 2 times; the last time: it finished, but its result never came");
  });

  it("does not count a launch on an offer that was gone", async () => {
    await begin("a.png");
    fake.answer("launchTasks", (_: never, context) => refuse(context, Status.FAILED_PRECONDITION, "OFFER_GONE"));
    for (let i = 0; i < 4; i++) {
      offer("S0");
      await launched();
    }
    fake.answer("launchTasks", () => ({}));
    offer("S0");
    const [task] = await launched();
    expect(batch.images).toMatchObject([{ state: "launched", losses: 0 }]);
    // The executor of a launch that never was is none: the next one brings its own.
    expect(task?.executor?.resources.length).toBe(2);
  });

  it("ends when the bridge forbids a launch, and keeps its images for the next run", async () => {
    await begin("a.png");
    fake.answer("launchTasks", (_: never, context) => refuse(context, Status.PERMISSION_DENIED, "ADMISSION_DENIED"));
    offer("S0");
    await launched();
    await expect(running).rejects.toMatchObject({ reason: "ADMISSION_DENIED" });
    running = Promise.resolve();
    expect(states()).toEqual(["waiting"]);
  });

  it("asks before it launches again what may have been launched", async () => {
    await begin("a.png");
    fake.answer("launchTasks", (_: never, context) => refuse(context, Status.UNAVAILABLE, "OUTCOME_UNKNOWN"));
    offer("S0");
    const [task] = await launched();
    const { request } = await fake.call("reconcileTasks");
    expect(request.tasks).toMatchObject([{ taskId: { value: idOf(task) }, agentId: { value: "m-S0" } }]);
    offer("S1");
    await fake.call("declineOffers");
    expect(states()).toEqual(["launched"]);
    fake.answer("launchTasks", () => ({}));
    update(idOf(task), TASK_UNKNOWN, { reason: TaskStatus_Reason.REASON_RECONCILIATION });
    offer("S0");
    expect((await launched()).length).toBe(1);
  });

  it("kills a task that comes back after it counted as lost, and ignores the second result", async () => {
    await begin("a.png");
    offer("S0");
    const [first] = await launched();
    update(idOf(first), TASK_UNREACHABLE);
    offer("S1");
    const [second] = await launched();
    update(idOf(first), TASK_RUNNING);
    expect((await fake.call("killTask")).request.taskId).toMatchObject({ value: idOf(first) });
    expect(await put(first, "from the first")).toBe(201);
    expect(await put(second, "from the second")).toBe(409);
    update(idOf(second), TASK_FAILED, { message: "409" });
    await running;
    expect(states()).toEqual(["done"]);
    expect(readFileSync(join(folder, "a-inverted.png"), "utf8")).toBe("from the first");
  });

  it("kills a task that it does not know", async () => {
    await begin("a.png");
    update("somebody-1", TASK_RUNNING);
    expect((await fake.call("killTask")).request).toMatchObject({ taskId: { value: "somebody-1" } });
    update("somebody-1", TASK_KILLED);
  });

  it("is done with an image whose task was lost when its result is there", async () => {
    await begin("a.png");
    offer("S0");
    const [task] = await launched();
    await put(task);
    update(idOf(task), TASK_LOST);
    await running;
    expect(states()).toEqual(["done"]);
  });

  it("stops by killing what runs, and leaves the rest for another time", async () => {
    await begin("a.png", "b.png");
    offer("S0", 1.1);
    const [task] = await launched();
    await batch.stop();
    expect((await fake.call("killTask")).request.taskId).toMatchObject({ value: idOf(task) });
    offer("S1");
    await fake.call("declineOffers");
    update(idOf(task), TASK_KILLED);
    await running;
    expect(batch.images).toMatchObject([
      { state: "waiting", losses: 0 },
      { state: "waiting", losses: 0 },
    ]);
  });
});

describe("a batch that can't go on", () => {
  const { LINK_STATE_CONNECTED, LINK_STATE_CONNECTING } = LinkState;

  it("tells at once that there is no master, asks for nothing meanwhile, and for offers when there is one", async () => {
    await prepare(0, "a.png");
    expect(batch.hindrance()).toBe("not attached to the bridge: it has not answered yet");
    stream.opened("a1", { linked: false });
    stream.snapshotEnd();
    link(LINK_STATE_CONNECTING, "nothing listens at 127.0.0.1:9");
    await shown("the bridge has no Mesos master: nothing listens at 127.0.0.1:9");
    expect(batch.hindrance()).toBe("the bridge has no Mesos master: nothing listens at 127.0.0.1:9");
    link(LINK_STATE_CONNECTED, "subscribed", "m:5050");
    expect((await fake.calls.take())?.method).toBe("reviveOffers");
    expect(batch.hindrance()).toMatch(
      /^Mesos \(master m:5050\) makes no offers to the framework batch in the role \*: it has no agent, or/,
    );
  });

  it("tells again when the master is lost, or the bridge", async () => {
    await begin("a.png");
    await fake.call("reviveOffers");
    link(LINK_STATE_CONNECTING, "m:5050 closed the connection", "m:5050");
    await shown("the bridge has no Mesos master: m:5050 closed the connection");
    stream.fail(Status.UNAVAILABLE, "BRIDGE_SHUTTING_DOWN");
    await shown("not attached to the bridge: refused: BRIDGE_SHUTTING_DOWN");
    expect(batch.hindrance()).toContain("not attached to the bridge: ");
    const next = await fake.stream();
    next.opened("a2");
    next.snapshotEnd();
    await fake.call("reviveOffers");
  });

  it("asks again for offers when it is reminded after that had failed", async () => {
    fake.answer("reviveOffers", (_: never, context) => refuse(context, Status.FAILED_PRECONDITION, "CALL_REFUSED"));
    await begin("a.png");
    // Once when the stream is opened, and once at the end of its snapshot.
    await fake.call("reviveOffers");
    await fake.call("reviveOffers");
    await shown("CALL_REFUSED", 2);
    fake.answer("reviveOffers", () => ({}));
    await batch.remind();
    await fake.call("reviveOffers");
    // And that was it.
    await batch.remind();
    offer("S0", 1);
    expect((await fake.calls.take())?.method).toBe("declineOffers");
  });

  it("is held up by nothing while a task runs", async () => {
    await begin("a.png", "b.png");
    offer("S0", 1.1);
    await launched();
    expect(batch.hindrance()).toBeUndefined();
  });

  it("names the executor's URL, without its secret, when an agent can't fetch that", async () => {
    await begin("a.png");
    offer("S0");
    const message = "Failed to launch container: Failed to fetch all URIs for container 'c': exited with status 1";
    const reason = TaskStatus_Reason.REASON_CONTAINER_LAUNCH_FAILED;
    update(idOf((await launched())[0]), TASK_FAILED, { message, reason });
    await shown(`${message}: the agent has to fetch the executor from http://127.0.0.1:${server.port}/executor/…;`);
    expect(lines.at(-1)).toContain("see --serve-host and --advertise-host");
  });

  it("says so too when the executor can't reach the program, and not when it can't reach another one", async () => {
    await begin("a.png");
    offer("S0");
    const failure = { data: encodeFailure({ version: 1, stage: "uploading", retryable: true }) };
    const [first] = await launched();
    update(idOf(first), TASK_FAILED, { ...failure, message: `server gone: connection refused by ${server.host}` });
    await shown("a.png again: ");
    expect(lines.at(-1)).toContain("--advertise-host");
    offer("S0");
    const [second] = await launched();
    update(idOf(second), TASK_FAILED, { ...failure, message: "server gone: connection refused by other:80" });
    await running;
    expect(lines.at(-1)).toMatch(/connection refused by other:80$/);
  });

  it("tells once for each agent that nothing starts there", async () => {
    await begin("a.png", "b.png", "c.png");
    offer("S0", 2.1);
    const [a] = await launched();
    offer("S1", 1.1);
    await launched();
    const later = Date.now() + 21_000;
    expect(batch.slowStarts(Date.now())).toEqual([]);
    update(idOf(a), TASK_RUNNING);
    await put(a);
    update(idOf(a), TASK_FINISHED);
    await shown("a.png done");
    expect(batch.slowStarts(later)).toEqual([
      expect.stringMatching(/^b\.png has not started on host \(S0\) for 2\d\.\d s: .*--advertise-host$/),
      expect.stringMatching(/^c\.png has not started on host \(S1\) for/),
    ]);
    expect(batch.slowStarts(later)).toEqual([]);
  });
});

describe("patience", () => {
  it("tells after 10 s why nothing happens, then less and less often, and anew after something happened", () => {
    let hindrance: string | undefined = "no offers";
    const notes: string[] = [];
    const patience = new Patience({
      hindrance: () => hindrance,
      alsoSlow: () => [],
      note: (line) => notes.push(line),
    });
    const start = Date.now();
    const until = (from: number, to: number) => {
      for (let s = from; s <= to; s++) patience.check(start + s * 1000);
    };
    until(1, 9);
    expect(notes).toEqual([]);
    until(10, 80);
    expect(notes.map((line) => line.replace(/\.\d s/, " s"))).toEqual([
      "nothing could be launched for 10 s: no offers",
      "nothing could be launched for 30 s: no offers",
      "nothing could be launched for 70 s: no offers",
    ]);
    hindrance = undefined;
    until(81, 81);
    hindrance = "no master";
    until(82, 92);
    expect(notes.at(-1)).toBe("nothing could be launched for 10.0 s: no master");
    patience.stop();
  });
});

describe("a batch that died", () => {
  /** Launches one image and dies: nothing is closed in order. */
  async function die(): Promise<{ task: TaskInfo; port: number }> {
    await begin("a.png");
    offer("S0");
    const [task] = await launched();
    if (task === undefined) throw new Error("nothing was launched");
    const { port } = server;
    await scheduler.close(0);
    await running;
    await server.close();
    await ledger.close();
    lines = [];
    return { task, port };
  }

  it("asks for its tasks, takes their results, and launches nothing twice", async () => {
    const { task, port } = await die();
    await beginAt(port, "a.png");
    const { request } = await fake.call("reconcileTasks");
    expect(request.tasks).toMatchObject([{ taskId: { value: idOf(task) } }]);
    update(idOf(task), TASK_RUNNING, { reason: TaskStatus_Reason.REASON_RECONCILIATION });
    await shown("a.png running");
    expect(await put(task)).toBe(201);
    offer("S1");
    await fake.call("declineOffers");
    update(idOf(task), TASK_FINISHED);
    await running;
    expect(batch.images).toMatchObject([{ state: "done", launches: 1, losses: 0 }]);
  });

  it("kills the tasks that would put their results elsewhere, and launches them again", async () => {
    const { task } = await die();
    await begin("a.png");
    expect((await fake.call("killTask")).request.taskId).toMatchObject({ value: idOf(task) });
    offer("S1");
    const [again] = await launched();
    expect(idOf(again)).not.toBe(idOf(task));
    update(idOf(task), TASK_KILLED);
    await put(again);
    update(idOf(again), TASK_FINISHED);
    await running;
    expect(batch.images).toMatchObject([{ state: "done", losses: 0, launches: 2 }]);
  });

  it("is done when the result was in place and only the news of it was missed", async () => {
    const { task } = await die();
    writeFileSync(join(folder, "a-inverted.png"), "inverted");
    await begin("a.png");
    expect((await fake.call("reconcileTasks")).request.tasks).toMatchObject([{ taskId: { value: idOf(task) } }]);
    update(idOf(task), TASK_UNKNOWN, { reason: TaskStatus_Reason.REASON_RECONCILIATION });
    await running;
    expect(states()).toEqual(["done"]);
    expect(existsSync(join(folder, "a-inverted.png"))).toBe(true);
  });
});
