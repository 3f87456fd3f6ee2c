import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ExecutorExit, type ExecutorOptions, runExecutor } from "../../../executor/library/runExecutor.js";
import { reconnectionDelayMs } from "../../../executor/library/subscription.js";
import { TaskError } from "../../../executor/library/taskRun.js";
import { Call_Type, Event_Type } from "../../../gen/mesos/v1/executor/executor.js";
import { TaskState, TaskStatus_Reason, TaskStatus_Source } from "../../../gen/mesos/v1/mesos.js";
import { standStill } from "../../support/standStill.js";
import { FakeAgent, launchEvent } from "./fakeAgent.js";

let agent: FakeAgent;
let stop: AbortController;
let running: Promise<unknown>[];
let lines: string[];

beforeEach(async () => {
  agent = await FakeAgent.start();
  stop = new AbortController();
  running = [];
  lines = [];
});

afterEach(async () => {
  stop.abort();
  await Promise.all(running);
  await agent.stop();
});

function run(options: Partial<ExecutorOptions> = {}, env: NodeJS.ProcessEnv = {}): Promise<ExecutorExit> {
  const exit = runExecutor({
    launch: async (_task, context) => context.running(),
    env: agent.environment(env),
    signal: stop.signal,
    log: (line) => lines.push(line),
    ...options,
  });
  // One that is to fail is awaited by its test.
  running.push(exit.catch(() => undefined));
  return exit;
}

/** The same where only what it does matters, and not how it ends. */
function start(options?: Partial<ExecutorOptions>, env?: NodeJS.ProcessEnv): void {
  run(options, env).catch((error: Error) => lines.push(`failed: ${error.message}`));
}

/** Runs until its signal is aborted. */
const forever: ExecutorOptions["launch"] = async (_task, context) => {
  context.running();
  await new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
};

async function subscription(options: { killing?: boolean } = {}) {
  const stream = await agent.subscriptions.next();
  stream.subscribed(options);
  return stream;
}

describe("updates", () => {
  it("that an agent does not take at present are not dropped: the executor subscribes anew with them", async () => {
    for (const status of [401, 404, 429]) {
      const answers = Array(4).fill({ status, text: "not now" });
      agent.intercept = (call) => (call.type === Call_Type.UPDATE ? answers.shift() : undefined);
      start({ launch: async () => {} }, { MESOS_CHECKPOINT: "1", MESOS_SUBSCRIPTION_BACKOFF_MAX: "10ms" });
      (await subscription()).launch("a");
      const second = await agent.subscriptions.next();
      expect(second.call.subscribe?.unacknowledgedUpdates).toHaveLength(1);
      expect(lines.filter((line) => line.startsWith("dropped"))).toEqual([]);
    }
  });

  it("are what an agent takes: uuid v4, source, timestamp, executor, at the path that MESOS_SLAVE_PID names", async () => {
    start({ launch: async () => ({ message: "done", data: Buffer.from("result") }) });
    (await subscription()).launch("a");
    const status = await agent.update(TaskState.TASK_FINISHED);
    expect(status).toMatchObject({ message: "done", source: TaskStatus_Source.SOURCE_EXECUTOR });
    expect(status.data?.toString()).toBe("result");
    expect(status.executorId?.value).toBe("executor");
    expect(status.uuid).toHaveLength(16);
    expect((status.uuid?.[6] ?? 0) >> 4).toBe(4);
    expect(Math.abs((status.timestamp ?? 0) - Date.now() / 1000)).toBeLessThan(10);
    expect(new Set(agent.paths)).toEqual(new Set(["/slave(1)/api/v1/executor"]));
  });

  it("come in order, also when calls are answered with 503 and resets", async () => {
    let n = 0;
    agent.intercept = (call) =>
      call.type === Call_Type.UPDATE && n++ % 2 === 0 ? (n % 4 === 1 ? { reset: true } : { status: 503 }) : undefined;
    start();
    const stream = await subscription();
    for (const id of ["a", "b", "c"]) stream.launch(id);
    for (let i = 0; i < 6; i++) await agent.updates.next();
    const of = (id: string) => agent.updates.all.filter((s) => s.taskId?.value === id).map((s) => s.state);
    for (const id of ["a", "b", "c"]) expect(of(id)).toEqual([TaskState.TASK_RUNNING, TaskState.TASK_FINISHED]);
  });

  it("carry a thrown error's message and data as TASK_FAILED, also when it is thrown at once or is no Error", async () => {
    const launch: ExecutorOptions["launch"] = (task) => {
      if (task.taskId?.value === "sync") throw new Error("thrown at once");
      if (task.taskId?.value === "text") return Promise.reject("just text");
      return Promise.reject(new TaskError("404 Not Found", Buffer.from("why")));
    };
    start({ launch });
    const stream = await subscription();
    stream.launch("sync");
    expect((await agent.update(TaskState.TASK_FAILED)).message).toBe("thrown at once");
    stream.launch("text");
    expect((await agent.update(TaskState.TASK_FAILED)).message).toBe("just text");
    stream.launch("data");
    const status = await agent.update(TaskState.TASK_FAILED);
    expect([status.message, status.data?.toString()]).toEqual(["404 Not Found", "why"]);
  });

  it("end a task once only, and not twice for a task that is launched twice", async () => {
    start({ launch: forever });
    const stream = await subscription();
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    stream.launch("a");
    stream.kill("a");
    stream.kill("a");
    await agent.update(TaskState.TASK_KILLED);
    stream.launch("b");
    expect((await agent.update(TaskState.TASK_RUNNING)).taskId?.value).toBe("b");
    expect(agent.updates.all).toHaveLength(3);
  });

  it("honour max_completion_time", async () => {
    start({ launch: forever });
    (await subscription()).launch("a", { maxCompletionTime: { nanoseconds: 50_000_000n } });
    await agent.update(TaskState.TASK_RUNNING);
    const status = await agent.update(TaskState.TASK_FAILED);
    expect(status.reason).toBe(TaskStatus_Reason.REASON_MAX_COMPLETION_TIME_REACHED);
  });

  it("show a task that waits for its turn as TASK_STARTING", async () => {
    start({ launch: forever, concurrency: 1 });
    const stream = await subscription();
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    stream.launch("b");
    expect((await agent.update(TaskState.TASK_STARTING)).taskId?.value).toBe("b");
    stream.kill("a");
    expect((await agent.update(TaskState.TASK_KILLED)).taskId?.value).toBe("a");
    expect((await agent.update(TaskState.TASK_RUNNING)).taskId?.value).toBe("b");
  });
});

describe("kill", () => {
  it("announces TASK_KILLING only to frameworks that know it", async () => {
    start({ launch: forever });
    const stream = await subscription({ killing: true });
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    stream.kill("a");
    await agent.update(TaskState.TASK_KILLING);
    await agent.update(TaskState.TASK_KILLED);
  });

  it("gives a handler that does not listen the grace of its policy, and no more", async () => {
    let release = () => {};
    const deaf = new Promise<void>((resolve) => {
      release = resolve;
    });
    start({ launch: () => deaf });
    const stream = await subscription();
    stream.launch("a");
    stream.kill("a", 100);
    const status = await agent.update(TaskState.TASK_KILLED);
    expect(status.message).toContain("100 ms");
    release();
    stream.launch("b");
    expect((await agent.update(TaskState.TASK_FINISHED)).taskId?.value).toBe("b");
    expect(agent.updates.all).toHaveLength(2);
  });

  it("kills a group when one of its tasks fails", async () => {
    start({
      launch: (task, context) =>
        task.taskId?.value === "bad" ? Promise.reject(new Error("bad")) : forever(task, context),
    });
    const stream = await subscription();
    const tasks = ["good", "bad"].flatMap((id) => launchEvent(id).launch?.task ?? []);
    stream.send({ type: Event_Type.LAUNCH_GROUP, launchGroup: { taskGroup: { tasks } } });
    await agent.update(TaskState.TASK_RUNNING);
    await agent.update(TaskState.TASK_FAILED);
    expect((await agent.update(TaskState.TASK_KILLED)).message).toBe("Task bad of the same group did not finish");
  });

  it("of a task that is not here is ignored", async () => {
    start();
    const stream = await subscription();
    stream.kill("nobody");
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
  });
});

describe("the subscription", () => {
  it("is tried again through resets, 503 and 404 until the agent takes it", async () => {
    const answers = [{ status: 503, text: "Agent has not finished recovery" }, { reset: true }, { status: 404 }];
    agent.intercept = (call) => (call.type === Call_Type.SUBSCRIBE ? answers.shift() : undefined);
    start();
    (await subscription()).launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    expect(lines.filter((line) => line.startsWith("not subscribed yet"))).toHaveLength(3);
  });

  it("is not tried again when the agent refuses it", async () => {
    agent.intercept = () => ({ status: 400, text: "Executor cannot be found" });
    const exit = await run();
    expect(exit).toMatchObject({ reason: "refused", unacknowledged: 0 });
    expect(exit.message).toBe("the agent answered SUBSCRIBE with 400: Executor cannot be found");
    expect(agent.calls).toEqual([Call_Type.SUBSCRIBE]);
  });

  it("quotes no more of a refusal than a log line holds", async () => {
    agent.intercept = () => ({ status: 401, text: "x".repeat(2_000_000) });
    const exit = await run();
    expect(exit.message).toBe(`the agent answered SUBSCRIBE with 401: ${"x".repeat(1_024)}`);
  });

  it("is over when the stream is no RecordIO, or breaks within a record", async () => {
    for (const bytes of ["<html>sorry</html>", "999\nhalf"]) {
      const exit = run({ launch: forever });
      const stream = await subscription();
      stream.launch("a");
      await agent.update(TaskState.TASK_RUNNING);
      stream.response.write(bytes);
      if (bytes.startsWith("9")) stream.end();
      expect((await exit).reason).toBe("disconnected");
    }
    expect(lines.join("\n")).toContain("Failed to decode length '<'");
  });

  it("reads events however they are cut, and ignores types that it does not know", async () => {
    start();
    const stream = await subscription();
    const unknown = { type: 77 as Event_Type };
    await stream.sendInPieces([launchEvent("a"), unknown, { type: Event_Type.HEARTBEAT }, launchEvent("b")], 1);
    const ids: (string | undefined)[] = [];
    for (let i = 0; i < 4; i++) ids.push((await agent.updates.next()).taskId?.value);
    expect(new Set(ids)).toEqual(new Set(["a", "b"]));
  });

  it("ends with the agent where the framework does not checkpoint", async () => {
    const exit = run({ launch: forever });
    const stream = await subscription();
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    stream.reset();
    expect(await exit).toMatchObject({ reason: "disconnected" });
    expect(agent.subscriptions.all).toHaveLength(1);
  });

  const checkpointing = {
    MESOS_CHECKPOINT: "1",
    MESOS_SUBSCRIPTION_BACKOFF_MAX: "50ms",
    MESOS_RECOVERY_TIMEOUT: "20secs",
  };

  it("comes back with tasks and updates that are unacknowledged, and sends what came up meanwhile", async () => {
    agent.acknowledging = false;
    let finish = () => {};
    start(
      {
        launch: async (task, context) => {
          if (task.taskId?.value === "silent") return;
          context.running();
          await new Promise<void>((resolve) => {
            finish = resolve;
          });
        },
      },
      checkpointing,
    );
    const first = await subscription();
    first.launch("a");
    const runningUpdate = await agent.update(TaskState.TASK_RUNNING);
    first.acknowledge(runningUpdate);
    first.launch("silent");
    const finished = await agent.update(TaskState.TASK_FINISHED);
    first.reset();

    const second = await agent.subscriptions.next();
    expect(second.call.subscribe?.unacknowledgedTasks.map((task) => task.taskId?.value)).toEqual(["silent"]);
    expect(second.call.subscribe?.unacknowledgedUpdates.map((update) => update.status?.uuid)).toEqual([finished.uuid]);
    finish(); // between SUBSCRIBE and SUBSCRIBED
    await sleep(20);
    expect(agent.updates.all).toHaveLength(2);
    second.subscribed();
    const late = await agent.update(TaskState.TASK_FINISHED);
    expect(late.taskId?.value).toBe("a");
    second.acknowledge(finished);
    second.acknowledge(late);
    second.end();

    const third = await agent.subscriptions.next();
    expect(third.call.subscribe).toMatchObject({ unacknowledgedTasks: [], unacknowledgedUpdates: [] });
  });

  it("finds an agent that restarts at its port", async () => {
    start({ launch: forever }, checkpointing);
    const stream = await subscription();
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    const { port } = agent;
    await agent.stop();
    agent = await FakeAgent.start(port);
    const again = await subscription();
    again.kill("a");
    await agent.update(TaskState.TASK_KILLED);
  });

  it("is looked for soon enough for an agent that waits for MESOS_SUBSCRIPTION_BACKOFF_MAX, whatever chance says", () => {
    for (const random of [0, 0.5, 0.999_999]) {
      expect(reconnectionDelayMs(2_000, random)).toBeGreaterThanOrEqual(0);
      expect(reconnectionDelayMs(2_000, random)).toBeLessThan(1_000);
    }
  });

  it("is given up after MESOS_RECOVERY_TIMEOUT", async () => {
    agent.acknowledging = false;
    const exit = run({ launch: forever }, { ...checkpointing, MESOS_RECOVERY_TIMEOUT: "300ms" });
    const stream = await subscription();
    stream.launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    agent.intercept = () => ({ reset: true });
    stream.reset();
    const end = await exit;
    expect(end.reason).toBe("disconnected");
    expect(end.message).toContain("MESOS_RECOVERY_TIMEOUT");
    expect(end.unacknowledged).toBe(2);
  });

  it("is renewed when calls can't reach the agent although the stream stands", async () => {
    let broken = true;
    agent.intercept = (call) =>
      broken && call.type === Call_Type.UPDATE ? { status: 403, text: "Executor is not subscribed" } : undefined;
    start({}, checkpointing);
    (await subscription()).launch("a");
    const second = await agent.subscriptions.next();
    expect(second.call.subscribe?.unacknowledgedUpdates).toHaveLength(2);
    broken = false;
    second.subscribed();
  });
});

describe("the end", () => {
  it("by a fault of what the caller gave it is told to the caller, and to nobody else", async () => {
    const failing = (line: string) => {
      if (line.includes("TASK_FINISHED")) throw new Error("the log is gone");
    };
    const exit = run({ log: failing }).catch((error: Error) => error.message);
    (await subscription()).launch("a");
    expect(await exit).toBe("the log is gone");
  });

  it("by SHUTDOWN kills the tasks and waits for the acknowledgements", async () => {
    agent.acknowledging = false;
    const exit = run({ launch: forever });
    const stream = await subscription();
    stream.launch("a");
    stream.acknowledge(await agent.update(TaskState.TASK_RUNNING));
    stream.send({ type: Event_Type.SHUTDOWN });
    const killed = await agent.update(TaskState.TASK_KILLED);
    let ended = false;
    const over = exit.then((how) => {
      ended = true;
      return how;
    });
    await sleep(100);
    expect(ended).toBe(false);
    stream.acknowledge(killed);
    expect(await over).toMatchObject({ reason: "shutdown", unacknowledged: 0 });
  });

  it("reads an acknowledgement that waits in the socket before it counts it as missing", async () => {
    agent.acknowledging = false;
    const exit = run({ launch: forever, acknowledgementTimeoutMs: 400 });
    const stream = await subscription();
    stream.launch("a");
    stream.acknowledge(await agent.update(TaskState.TASK_RUNNING));
    stream.send({ type: Event_Type.SHUTDOWN });
    const killed = await agent.update(TaskState.TASK_KILLED);
    await sleep(100);
    // Timers come next after this phase of the event loop, and reading after them.
    await new Promise((resolve) => setImmediate(resolve));
    stream.acknowledge(killed);
    // Once the agent's bytes are in the socket.
    process.nextTick(() => standStill(800));
    expect(await exit).toMatchObject({ reason: "shutdown", unacknowledged: 0 });
  });

  it("by SHUTDOWN comes within the grace period, whatever handlers and agent do", async () => {
    agent.acknowledging = false;
    const exit = run({ launch: () => new Promise<void>(() => {}) }, { MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: "4secs" });
    const stream = await subscription();
    stream.launch("a");
    stream.send({ type: Event_Type.SHUTDOWN });
    const started = Date.now();
    expect(await exit).toMatchObject({ reason: "shutdown", unacknowledged: 1 });
    expect(Date.now() - started).toBeLessThan(4_000);
  });

  it("by idleness waits for tasks, for acknowledgements, and for a last call", async () => {
    agent.acknowledging = false;
    const exit = run({ idleTimeoutMs: 100, launch: async () => {} });
    const stream = await subscription();
    stream.launch("a");
    const status = await agent.update(TaskState.TASK_FINISHED);
    await sleep(300);
    expect(agent.calls).not.toContain(Call_Type.HEARTBEAT);
    stream.acknowledge(status);
    expect(await exit).toMatchObject({ reason: "idle", unacknowledged: 0 });
    expect(agent.calls.at(-1)).toBe(Call_Type.HEARTBEAT);
  });

  it("by idleness does not lose a task that comes at that moment", async () => {
    let stream: Awaited<ReturnType<typeof subscription>> | undefined;
    let late = true;
    agent.intercept = (call) => {
      // The agent has written the launch before it answers the executor's last call.
      if (call.type === Call_Type.HEARTBEAT && late) {
        late = false;
        stream?.launch("late");
      }
      return undefined;
    };
    const exit = run({ idleTimeoutMs: 50 });
    stream = await subscription();
    await agent.update(TaskState.TASK_RUNNING);
    expect((await agent.update(TaskState.TASK_FINISHED)).taskId?.value).toBe("late");
    expect(await exit).toMatchObject({ reason: "idle", unacknowledged: 0 });
  });

  it("does not wait for ever for an agent that acknowledges nothing", async () => {
    agent.acknowledging = false;
    const exit = run({ idleTimeoutMs: 20, acknowledgementTimeoutMs: 100, launch: async () => {} });
    (await subscription()).launch("a");
    expect(await exit).toMatchObject({ reason: "idle", unacknowledged: 1 });
  });
});

describe("messages and secrets", () => {
  it("go both ways, byte by byte", async () => {
    const bytes = Buffer.from([0, 255, 10, 13]);
    start({
      launch: async (_task, context) => {
        context.message(bytes);
      },
      onMessage: (data) => {
        lines.push(`got ${data.toString("hex")}`);
        throw new Error("a handler's own fault");
      },
    });
    const stream = await subscription();
    stream.send({ type: Event_Type.MESSAGE, message: { data: bytes } });
    stream.launch("a");
    expect(await agent.messages.next()).toEqual(bytes);
    expect(lines).toContain("got 00ff0a0d");
  });

  it("keep the token: sent to the agent, removed from the environment, in no log line", async () => {
    const env = agent.environment({ MESOS_EXECUTOR_AUTHENTICATION_TOKEN: "very-secret" });
    start({ env });
    (await subscription()).launch("a");
    await agent.update(TaskState.TASK_RUNNING);
    expect(new Set(agent.authorizations)).toEqual(new Set(["Bearer very-secret"]));
    expect(env).not.toHaveProperty("MESOS_EXECUTOR_AUTHENTICATION_TOKEN");
    expect(lines.join("\n")).not.toContain("very-secret");
  });
});
