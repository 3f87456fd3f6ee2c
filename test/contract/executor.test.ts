import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { type Codec, codecs, json, protobuf } from "../support/codec.js";
import { ExecutorHost, type ExecutorProcess, MesosExecutor } from "../support/executor.js";
import { open, send } from "../support/http.js";
import { frameworkInfo, launch, type PartialTask, task, unique } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo, uuid } from "../support/scheduler.js";

const cluster = {
  flags: {
    allocation_interval: "100ms",
    executor_shutdown_grace_period: "1secs",
    executor_registration_timeout: "8secs",
  },
};

const { TASK_RUNNING, TASK_FINISHED, TASK_FAILED, TASK_KILLED, TASK_DROPPED, TASK_ERROR } = TaskState;

/** The executor API of the agent. The executors are processes that the agent starts; the test speaks for them. */
describeEachMesos("executors", cluster, (mesos) => {
  const cleanup = new Cleanup();
  let host: ExecutorHost;
  beforeAll(async () => {
    host = cleanup.use(await ExecutorHost.start());
  });
  afterAll(() => cleanup.run());
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  interface Launched {
    scheduler: MesosScheduler;
    executorId: string;
    /** What the scheduler sent for the executor. */
    executorInfo: NonNullable<PartialTask["executor"]>;
    task: PartialTask;
    offer: Offer;
    process: ExecutorProcess;
    executor: MesosExecutor;
  }

  async function subscribe(info: PartialFrameworkInfo = {}, codec?: Codec): Promise<MesosScheduler> {
    const scheduler = new MesosScheduler({ ...mesos(), ...(codec && { codec }) });
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo(info));
    return scheduler;
  }

  /** Launches a task on an executor of its own, whose process is up and has not subscribed. */
  async function launchTask(info: PartialFrameworkInfo = {}, codec: Codec = json): Promise<Launched> {
    const scheduler = await subscribe(info, codec);
    const offer = await scheduler.offer();
    const executorId = unique("executor");
    const executorInfo = host.info(executorId);
    const launched = task(offer.agentId, { executor: executorInfo, data: Buffer.from([0, 1, 255]) });
    await scheduler.accept([offer], [launch(launched)], 0);
    const process = await host.process(executorId);
    const executor = cleanup.use(MesosExecutor.of(process, codec));
    return { scheduler, executorId, executorInfo, task: launched, offer, process, executor };
  }

  /** The same, with its executor subscribed and the task delivered. */
  async function deliverTask(info?: PartialFrameworkInfo, codec?: Codec): Promise<Launched> {
    const launched = await launchTask(info, codec);
    await launched.executor.subscribe();
    await launched.executor.stream.next("launch");
    return launched;
  }

  /** Launches one more task on the same executor. */
  async function launchAnother({ scheduler, executorInfo }: Launched, more: PartialTask = {}): Promise<PartialTask> {
    const offer = await scheduler.offer();
    const another = task(offer.agentId, { executor: executorInfo, ...more });
    await scheduler.accept([offer], [launch(another)], 0);
    return another;
  }

  describe.each(codecs)("as $name", (codec) => {
    test("get SUBSCRIBED and their task, and report on it", async () => {
      const { scheduler, executor, executorId, task: launched, offer, process } = await launchTask({}, codec);
      const subscribed = await executor.subscribe();
      expect(executor.stream.headers).toMatchObject({
        "content-type": codec.mediaType,
        "transfer-encoding": "chunked",
      });
      expect(executor.stream.headers["mesos-stream-id"]).toBeUndefined();
      expect(subscribed).toMatchObject({
        executorInfo: { executorId: { value: executorId }, frameworkId: { value: scheduler.frameworkId } },
        frameworkInfo: { id: { value: scheduler.frameworkId }, user: "root" },
        agentInfo: { id: offer.agentId, hostname: "localhost" },
      });
      expect(process.hello.cwd).toContain(subscribed.containerId?.value);
      const { task: delivered } = await executor.stream.next("launch");
      expect(delivered).toMatchObject({ taskId: launched.taskId, agentId: offer.agentId, name: "test" });
      expect(delivered?.executor?.executorId?.value).toBe(executorId);
      expect(Buffer.from(delivered?.data ?? [])).toEqual(Buffer.from([0, 1, 255]));
      expect(delivered?.resources.every(({ allocationInfo }) => allocationInfo?.role === "*")).toBe(true);

      const sent = await executor.update(delivered?.taskId, TASK_RUNNING, {
        message: "on it",
        data: Buffer.from("data"),
      });
      const acknowledged = await executor.stream.next("acknowledged");
      expect(acknowledged).toMatchObject({ taskId: launched.taskId, uuid: sent.uuid });
      const update = await scheduler.update(launched.taskId?.value);
      expect(update).toMatchObject({
        state: TASK_RUNNING,
        source: TaskStatus_Source.SOURCE_EXECUTOR,
        message: "on it",
        uuid: sent.uuid,
        agentId: offer.agentId,
        executorId: { value: executorId },
        containerStatus: { containerId: subscribed.containerId },
      });
      expect(String(update.data)).toBe("data");
    });

    test("hear from their scheduler and answer, byte for byte", async () => {
      const { scheduler, executor, offer, executorId } = await deliverTask({}, codec);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
      const message = { agentId: offer.agentId, executorId: { value: executorId }, data: bytes };
      await scheduler.send("MESSAGE", { message });
      expect(Buffer.from((await executor.stream.next("message")).data ?? [])).toEqual(bytes);
      expect((await executor.call("MESSAGE", { message: { data: bytes } })).status).toBe(202);
      const answer = await scheduler.stream.next("message");
      expect(answer).toMatchObject({ agentId: offer.agentId, executorId: { value: executorId } });
      expect(Buffer.from(answer.data ?? [])).toEqual(bytes);
    });

    test("are asked to kill a task", async () => {
      const { scheduler, executor, task: launched } = await deliverTask({}, codec);
      const killPolicy = { gracePeriod: { nanoseconds: 9_007_199_254_740_993n } };
      await scheduler.send("KILL", { kill: { taskId: launched.taskId, killPolicy } });
      const kill = await executor.stream.next("kill");
      expect(kill.taskId).toMatchObject({ value: launched.taskId?.value });
      if (codec === protobuf) expect(kill.killPolicy?.gracePeriod?.nanoseconds).toBe(9_007_199_254_740_993n);
      await executor.update(launched.taskId as never, TASK_KILLED);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_KILLED);
    });

    test("close their first stream by a second one, and keep a task that they know of", async () => {
      const { scheduler, executor, task: launched } = await deliverTask({}, codec);
      const first = executor.stream;
      const { task: delivered } = first.received.find(({ event }) => event.launch)?.event.launch ?? {};
      await executor.subscribe({ unacknowledgedTasks: [delivered ?? {}] });
      await first.ended;
      expect(first.received.some(({ event }) => event.error ?? event.type === Event_Type.SHUTDOWN)).toBe(false);
      await executor.update(delivered?.taskId, TASK_RUNNING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
      // No LAUNCH is repeated.
      expect(executor.stream.received.map(({ event }) => event.type)).toEqual([
        Event_Type.SUBSCRIBED,
        Event_Type.ACKNOWLEDGED,
      ]);
    });

    test("bring the updates that were not acknowledged with a subscription", async () => {
      const { scheduler, executor, task: launched } = await deliverTask({}, codec);
      const { task: delivered } = executor.stream.received.find(({ event }) => event.launch)?.event.launch ?? {};
      const status = executor.status(launched.taskId as never, TASK_RUNNING);
      await executor.subscribe({ unacknowledgedTasks: [delivered ?? {}], unacknowledgedUpdates: [{ status }] });
      expect((await executor.stream.next("acknowledged")).uuid).toEqual(status.uuid);
      expect((await scheduler.update(launched.taskId?.value)).uuid).toEqual(status.uuid);
    });
  });

  test.each([
    ["TASK_DROPPED for a partition-aware framework", frameworkInfo().capabilities, TASK_DROPPED],
    ["TASK_LOST for another", [{ type: FrameworkInfo_Capability_Type.MULTI_ROLE }], TaskState.TASK_LOST],
  ])("a subscription that does not know a delivered task: %s", async (_, capabilities, state) => {
    const { scheduler, executor, task: launched } = await deliverTask({ capabilities: capabilities ?? [] });
    const stream = await executor.open();
    // It was the executor's only task, so there is nothing left to do for it.
    expect((await stream.nextAny()).event.type).toBe(Event_Type.SHUTDOWN);
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
      state,
      reason: TaskStatus_Reason.REASON_AGENT_RESTARTED,
      source: TaskStatus_Source.SOURCE_AGENT,
      message: "Task launched during agent restart",
    });
  });

  test("the environment says all that an executor has to know", async () => {
    const { process, scheduler, executorId, offer } = await launchTask({ checkpoint: true });
    const { env, cwd } = process.hello;
    expect(env).toMatchObject({
      MESOS_FRAMEWORK_ID: scheduler.frameworkId,
      MESOS_EXECUTOR_ID: executorId,
      MESOS_SLAVE_ID: offer.agentId?.value,
      MESOS_SLAVE_PID: expect.stringMatching(/^slave\(\d+\)@127\.0\.0\.1:\d+$/),
      MESOS_AGENT_ENDPOINT: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      MESOS_DIRECTORY: cwd,
      MESOS_SANDBOX: cwd,
      MESOS_CHECKPOINT: "1",
      MESOS_HTTP_COMMAND_EXECUTOR: expect.stringMatching(/^[01]$/),
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: "1secs",
      MESOS_RECOVERY_TIMEOUT: "15mins",
      MESOS_SUBSCRIPTION_BACKOFF_MAX: "2secs",
    });
    const inSandbox = new RegExp(
      `/slaves/${offer.agentId?.value}/frameworks/${scheduler.frameworkId}/executors/${executorId}/runs/[0-9a-f-]{36}$`,
    );
    expect(cwd).toMatch(inSandbox);
  });

  test("without checkpointing there is nothing to recover", async () => {
    const { process } = await launchTask();
    expect(process.hello.env).toMatchObject({ MESOS_CHECKPOINT: "0" });
    expect(process.hello.env).not.toHaveProperty("MESOS_RECOVERY_TIMEOUT");
    expect(process.hello.env).not.toHaveProperty("MESOS_SUBSCRIPTION_BACKOFF_MAX");
  });

  test("several tasks share an executor, which the offers name", async () => {
    const launched = await deliverTask();
    const { scheduler, executor, executorId } = launched;
    await executor.update(launched.task.taskId as never, TASK_RUNNING);
    await scheduler.update(launched.task.taskId?.value);
    const offer = await scheduler.offer();
    expect(offer.executorIds).toMatchObject([{ value: executorId }]);
    await scheduler.decline([offer], 0);
    const another = await launchAnother(launched);
    const { task: delivered } = await executor.stream.next("launch");
    expect(delivered?.taskId).toMatchObject({ value: another.taskId?.value });
    // An executor that differs in anything is another one.
    const different = await launchAnother(launched, { executor: { ...launched.executorInfo, name: "other" } });
    expect(await scheduler.update(different.taskId?.value)).toMatchObject({
      state: TASK_ERROR,
      message: expect.stringMatching(
        /^ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID\./,
      ),
    });
  });

  test("tasks wait for their executor, in order", async () => {
    const launched = await launchTask();
    const others = [await launchAnother(launched), await launchAnother(launched)];
    await launched.executor.subscribe();
    const delivered = [1, 2, 3].map(async () => (await launched.executor.stream.next("launch")).task?.taskId?.value);
    expect(await Promise.all(delivered)).toEqual([launched.task, ...others].map(({ taskId }) => taskId?.value));
  });

  test("a task group comes as one", async () => {
    const scheduler = await subscribe();
    const offer = await scheduler.offer();
    const executorId = unique("executor");
    const executor = host.info(executorId, {
      frameworkId: { value: scheduler.frameworkId ?? "" },
      resources: [...(host.info(executorId).resources ?? []), ...(task(undefined, {}).resources ?? [])]
        .slice(0, 2)
        .concat([{ name: "disk", type: 0, scalar: { value: 1 } }]),
    });
    const tasks = [1, 2].map(() => task(offer.agentId, { command: { value: "never run" } }));
    const operation = { type: Offer_Operation_Type.LAUNCH_GROUP, launchGroup: { executor, taskGroup: { tasks } } };
    await scheduler.accept([offer], [operation], 0);
    const player = cleanup.use(MesosExecutor.of(await host.process(executorId)));
    await player.subscribe();
    const { taskGroup } = await player.stream.next("launchGroup");
    expect(taskGroup?.tasks.map(({ taskId }) => taskId?.value)).toEqual(tasks.map(({ taskId }) => taskId?.value));
    for (const { taskId } of tasks) {
      await player.update(taskId as never, TASK_FINISHED);
      expect((await scheduler.update(taskId?.value)).state).toBe(TASK_FINISHED);
    }
  });

  describe("updates", () => {
    test("repeated are acknowledged again and reach the scheduler once", async () => {
      const { scheduler, executor, task: launched } = await deliverTask();
      const sent = await executor.update(launched.taskId as never, TASK_RUNNING);
      await executor.stream.next("acknowledged");
      await executor.call("UPDATE", { update: { status: sent } });
      expect((await executor.stream.next("acknowledged")).uuid).toEqual(sent.uuid);
      await executor.update(launched.taskId as never, TASK_FINISHED);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_FINISHED);
    });

    test("after the terminal one are acknowledged and go no further", async () => {
      const { scheduler, executor, task: launched } = await deliverTask();
      await executor.update(launched.taskId as never, TASK_FINISHED);
      await executor.stream.next("acknowledged");
      const late = await executor.update(launched.taskId as never, TASK_RUNNING);
      expect((await executor.stream.next("acknowledged")).uuid).toEqual(late.uuid);
      expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_FINISHED);
      // What is sent after it has passed it.
      await executor.call("MESSAGE", { message: { data: Buffer.from("done") } });
      await scheduler.stream.next("message");
      expect(scheduler.stream.has(({ update }) => update !== undefined)).toBe(false);
    });

    test("of a task that the agent never saw reach the scheduler, and are not acknowledged", async () => {
      const { scheduler, executor, task: launched } = await deliverTask();
      const unknown = unique("unknown");
      const sent = await executor.update({ value: unknown } as never, TASK_RUNNING);
      expect((await scheduler.update(unknown)).uuid).toEqual(sent.uuid);
      const known = await executor.update(launched.taskId as never, TASK_RUNNING);
      expect((await executor.stream.next("acknowledged")).uuid).toEqual(known.uuid);
    });
  });

  describe("the end of an executor", () => {
    test.each([
      ["status 3", (process: ExecutorProcess) => process.exit(3), 768],
      ["status 0", (process: ExecutorProcess) => process.exit(0), 0],
      ["SIGKILL", (process: ExecutorProcess) => process.signalItself("SIGKILL"), 9],
    ])("with %s: FAILURE with the wait status, and its tasks fail", async (_, end, status) => {
      const { scheduler, executor, process, task: launched, offer, executorId } = await deliverTask();
      await executor.update(launched.taskId as never, TASK_RUNNING);
      await scheduler.update(launched.taskId?.value);
      end(process);
      const failure = await scheduler.stream.next("failure");
      expect(failure).toMatchObject({ agentId: offer.agentId, executorId: { value: executorId }, status });
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_FAILED,
        source: TaskStatus_Source.SOURCE_AGENT,
        reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
        message: "Executor terminated",
      });
    });

    test("before it has subscribed: its tasks fail", async () => {
      const { scheduler, process, task: launched } = await launchTask();
      process.exit(1);
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_FAILED,
        reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
      });
    });

    test("SHUTDOWN asks for it", async () => {
      const { scheduler, executor, process, offer, executorId } = await deliverTask();
      await scheduler.send("SHUTDOWN", { shutdown: { agentId: offer.agentId, executorId: { value: executorId } } });
      await executor.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
      process.exit(0);
      expect(await scheduler.stream.next("failure")).toMatchObject({ executorId: { value: executorId }, status: 0 });
    });

    test("one that takes no notice of SHUTDOWN is killed after its grace period", async () => {
      const { scheduler, executor, process, offer, executorId, task: launched } = await deliverTask();
      const asked = performance.now();
      await scheduler.send("SHUTDOWN", { shutdown: { agentId: offer.agentId, executorId: { value: executorId } } });
      await executor.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
      await process.gone;
      expect(performance.now() - asked).toBeGreaterThan(950);
      expect(await scheduler.stream.next("failure")).toMatchObject({ executorId: { value: executorId }, status: 9 });
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_FAILED,
        reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED,
      });
    });

    test("comes with that of its framework, and no update", async () => {
      const { scheduler, executor } = await deliverTask();
      await scheduler.send("TEARDOWN");
      await executor.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
      await scheduler.stream.ended;
      expect(scheduler.stream.received.some(({ event }) => event.update ?? event.failure)).toBe(false);
    });
  });

  describe("an executor that has not subscribed yet", () => {
    test("is no use after its only task was killed", async () => {
      const { scheduler, executor, task: launched } = await launchTask();
      await scheduler.send("KILL", { kill: { taskId: launched.taskId } });
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_KILLED,
        source: TaskStatus_Source.SOURCE_AGENT,
        reason: TaskStatus_Reason.REASON_TASK_KILLED_DURING_LAUNCH,
        message: "Killed before delivery to the executor",
      });
      const stream = await executor.open();
      expect((await stream.nextAny()).event.type).toBe(Event_Type.SHUTDOWN);
    });

    test("is shut down when its framework is gone", async () => {
      const { scheduler, executor } = await launchTask();
      await scheduler.send("TEARDOWN");
      await scheduler.stream.ended;
      const stream = await executor.open();
      expect((await stream.nextAny()).event.type).toBe(Event_Type.SHUTDOWN);
      await stream.ended;
    });

    test("is ended when it takes too long", async () => {
      const { scheduler, process, task: launched } = await launchTask();
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
        state: TASK_FAILED,
        reason: TaskStatus_Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT,
        message: "Executor did not register within 8secs",
      });
      await process.gone;
    });
  });

  describe("requests", () => {
    let launched: Launched;
    let known: { frameworkId: { value: string }; executorId: { value: string } };
    let url: string;

    /** One executor that is known and never subscribes, and one that did. */
    beforeAll(async () => {
      launched = await deliverTask();
      const rest = await launched.scheduler.offer();
      await launched.scheduler.send("SUPPRESS");
      await launched.scheduler.decline([rest], 0);
      schedulers.length = 0;
      cleanup.use(launched.scheduler);
      const { frameworkId, executorId } = launched.executor.identity;
      known = { frameworkId: { value: frameworkId }, executorId: { value: executorId } };
      url = launched.executor.identity.url;
    });

    const invalid = (text: string) => `Failed to validate Executor::Call: ${text}`;
    const post = (body: string | Uint8Array, headers: Record<string, string>) => send(url, { body, headers });

    test("GET is not allowed", async () => {
      const answer = await send(url, { method: "GET" });
      expect(answer).toMatchObject({ status: 405, headers: { allow: "POST" } });
      expect(answer.text).toBe("405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
    });

    test.each([
      ["no Content-Type", "{}", {}, 400, "Expecting 'Content-Type' to be present"],
      [
        "an unknown Content-Type",
        "{}",
        { "Content-Type": "text/plain" },
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
      ],
      [
        "a Content-Type with a charset",
        "{}",
        { "Content-Type": "application/json; charset=utf-8" },
        415,
        "Expecting 'Content-Type' of application/json or application/x-protobuf",
      ],
      ["no JSON", "garbage", { "Content-Type": "application/json" }, 400, /^Failed to parse body into JSON: /],
      [
        "JSON that is no call",
        '{"type":"MESSAGE","message":1}',
        { "Content-Type": "application/json" },
        400,
        /^Failed to convert JSON into Call protobuf: /,
      ],
      [
        "no protobuf",
        Buffer.from("ffffffffffff", "hex"),
        { "Content-Type": "application/x-protobuf" },
        400,
        "Failed to parse body into Call protobuf",
      ],
    ])("%s", async (_, body, headers, status, text) => {
      const answer = await post(body, headers as Record<string, string>);
      expect(answer.status).toBe(status);
      expect(answer.text).toEqual(typeof text === "string" ? text : expect.stringMatching(text));
    });

    describe.each(codecs)("as $name", (codec) => {
      const call = (type: Parameters<MesosExecutor["call"]>[0], body = {}) =>
        cleanup.use(new MesosExecutor(launched.executor.identity, codec)).call(type, body);
      const taskId = { value: "t" };

      test.each([
        ["no type", () => ({ ...known, type: undefined }), "Expecting 'type' to be present"],
        ["SUBSCRIBE without its message", () => ({ ...known, type: 1 }), "Expecting 'subscribe' to be present"],
        ["UPDATE without its message", () => ({ ...known, type: 2 }), "Expecting 'update' to be present"],
        ["MESSAGE without its message", () => ({ ...known, type: 3 }), "Expecting 'message' to be present"],
      ])("%s", async (_, body, text) => {
        const encoded = new MesosExecutor(launched.executor.identity, codec).encode(body());
        const answer = await post(encoded, { "Content-Type": codec.mediaType });
        expect(answer).toMatchObject({ status: 400, text: invalid(text) });
      });

      test.each<[string, object, string | RegExp]>([
        ["no uuid", { uuid: undefined }, /uuid/],
        ["a uuid that is none", { uuid: Buffer.alloc(16) }, /Not a valid UUID/],
        [
          "another executor's id",
          { executorId: { value: "b" } },
          /^Failed to validate Executor::Call: ExecutorID in Call: .* does not match ExecutorID in TaskStatus: b$/,
        ],
        [
          "the master as source",
          { source: TaskStatus_Source.SOURCE_MASTER },
          /with invalid source, expecting 'SOURCE_EXECUTOR'/,
        ],
        ["no source", { source: undefined }, /with invalid source, expecting 'SOURCE_EXECUTOR'/],
        [
          "TASK_STAGING",
          { state: TaskState.TASK_STAGING },
          /^Failed to validate Executor::Call: Received TASK_STAGING from executor .* which is not allowed$/,
        ],
      ])("UPDATE with %s", async (_, more, text) => {
        const status = launched.executor.status(taskId as never, TASK_RUNNING, more);
        const answer = await call("UPDATE", { update: { status } });
        expect(answer).toMatchObject({ status: 400, text: expect.stringMatching(text) });
      });

      test("a framework or an executor that the agent does not know", async () => {
        const message = { message: { data: Buffer.from("x") } };
        const unknown = { value: "unknown" };
        expect(await call("MESSAGE", { ...message, frameworkId: unknown })).toMatchObject({
          status: 400,
          text: "Framework cannot be found",
        });
        expect(await call("MESSAGE", { ...message, executorId: unknown })).toMatchObject({
          status: 400,
          text: "Executor cannot be found",
        });
        expect(await call("SUBSCRIBE", { subscribe: {}, executorId: unknown })).toMatchObject({
          status: 400,
          text: "Executor cannot be found",
        });
      });

      test("HEARTBEAT is taken from anyone", async () => {
        const unused = { value: "unused" };
        expect(await call("HEARTBEAT", { frameworkId: unused, executorId: unused })).toMatchObject({
          status: 202,
          text: "",
        });
      });
    });

    test("calls of an executor that has not subscribed", async () => {
      const { executor } = await launchTask();
      const answer = await executor.call("MESSAGE", { message: { data: Buffer.from("x") } });
      expect(answer).toMatchObject({ status: 403, text: "Executor is not subscribed" });
    });

    test.each([
      ["no Accept", undefined, json],
      ["*/*", "*/*", json],
      ["both, protobuf first", "application/x-protobuf, application/json", json],
      ["protobuf", "application/x-protobuf", protobuf],
    ])("SUBSCRIBE answers with what is acceptable: %s", async (_, accept, expected) => {
      const { executor } = await launchTask();
      const answer = await open(executor.identity.url, {
        body: executor.encode({ type: 1, subscribe: {} }),
        headers: { "Content-Type": "application/json", ...(accept !== undefined && { Accept: accept }) },
      });
      answer.destroy();
      expect(answer).toMatchObject({ statusCode: 200, headers: { "content-type": expected.mediaType } });
    });

    test("SUBSCRIBE does not answer with anything else", async () => {
      const answer = await post(launched.executor.encode({ type: 1, subscribe: {} }), {
        "Content-Type": "application/json",
        Accept: "text/html",
      });
      expect(answer).toMatchObject({
        status: 406,
        text: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
      });
    });
  });

  test("a message to an executor that nobody knows is lost, and that is all", async () => {
    const { scheduler, offer, executor, task: launched } = await deliverTask();
    const message = { agentId: offer.agentId, executorId: { value: "unknown" }, data: Buffer.from("x") };
    await scheduler.send("MESSAGE", { message });
    await scheduler.send("MESSAGE", { message: { ...message, agentId: { value: "unknown" } } });
    await scheduler.send("ACKNOWLEDGE", {
      acknowledge: { agentId: { value: "unknown" }, taskId: { value: "unknown" }, uuid: uuid() },
    });
    await executor.update(launched.taskId as never, TASK_RUNNING);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_RUNNING);
  });
});
