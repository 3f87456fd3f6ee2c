import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { eventually } from "../../support/eventually.js";
import { cluster } from "../../unit/embedded/support/cluster.js";
import { EventReader, type HttpAnswer, http, type Offer, Scheduler, small } from "../../unit/embedded/support/peer.js";

const EXECUTOR = {
  executor_id: { value: "e" },
  command: { value: "touch started; exec sleep 1000" },
  resources: small(),
};

function uuid(): string {
  return Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64");
}

function customTask(offer: Offer, id: string, executor: object = EXECUTOR): object {
  return { name: id, task_id: { value: id }, agent_id: offer.agent_id, resources: small(), executor };
}

/** Speaks for an executor whose process does nothing. */
class ExecutorPeer {
  readonly #url: string;
  readonly #ids: object;

  constructor(offer: Offer, frameworkId: string, executorId = "e") {
    const { address, path } = offer.url;
    this.#url = `http://127.0.0.1:${address.port}${path}/api/v1/executor`;
    this.#ids = { framework_id: { value: frameworkId }, executor_id: { value: executorId } };
  }

  call(call: object): Promise<HttpAnswer> {
    return http(this.#url, { ...this.#ids, ...call });
  }

  subscribe(parts: object = {}): Promise<EventReader> {
    return EventReader.open(this.#url, { ...this.#ids, type: "SUBSCRIBE", subscribe: parts });
  }

  /** An executor that is being started isn't known at once. */
  subscribed(parts: object = {}): Promise<EventReader> {
    return eventually(() => this.subscribe(parts), { what: "the executor's subscription" });
  }

  update(taskId: string, state: string, more: object = {}): Promise<HttpAnswer> {
    const status = { task_id: { value: taskId }, state, source: "SOURCE_EXECUTOR", uuid: uuid(), ...more };
    return this.call({ type: "UPDATE", update: { status } });
  }
}

function isGroupAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Until the executor's process runs. */
async function started(agentUrl: string): Promise<void> {
  const directory = async () => {
    const { body } = await http(`${agentUrl}/state`, "", { method: "GET" });
    return /"directory":"([^"]+)"/.exec(body)?.[1] ?? "";
  };
  await expect.poll(async () => existsSync(join(await directory(), "started"))).toBe(true);
}

async function launched(ids: string[], executor: object = EXECUTOR, flags = {}) {
  const running = await cluster({ flags: { allocation_interval: "50ms", ...flags } });
  const capabilities = [{ type: "PARTITION_AWARE" }];
  const scheduler = await Scheduler.subscribe(running.url, { capabilities, failover_timeout: 60 });
  const offer = await scheduler.offer();
  await scheduler.launch(offer, ...ids.map((id) => customTask(offer, id, executor)));
  if (JSON.stringify(executor).includes("touch started")) await started(running.agentUrls[0] ?? "");
  return { running, scheduler, offer, peer: new ExecutorPeer(offer, scheduler.frameworkId) };
}

describe("a custom executor", () => {
  test("gets what waited for it, reports, and is told when the agent has the update", async () => {
    const { scheduler, peer } = await launched(["a", "b"]);
    expect(await peer.update("a", "TASK_RUNNING")).toMatchObject({ status: 403, body: "Executor is not subscribed" });
    const events = await peer.subscribed();
    expect((await events.next()).type).toBe("SUBSCRIBED");
    expect((await events.next("LAUNCH")).launch.task.task_id.value).toBe("a");
    expect((await events.next("LAUNCH")).launch.task.task_id.value).toBe("b");
    const update = { uuid: uuid(), data: "AAEC", message: "m" };
    expect((await peer.update("a", "TASK_RUNNING", update)).status).toBe(202);
    expect((await events.next("ACKNOWLEDGED")).acknowledged).toEqual({ task_id: { value: "a" }, uuid: update.uuid });
    const status = await scheduler.update("a");
    expect(status).toMatchObject({ state: "TASK_RUNNING", source: "SOURCE_EXECUTOR", ...update });
    expect(status.container_status?.executor_pid).toBeGreaterThan(1);
    await peer.update("a", "TASK_RUNNING", update);
    await events.next("ACKNOWLEDGED");
    await peer.update("a", "TASK_FINISHED");
    expect((await scheduler.update("a")).state).toBe("TASK_FINISHED");
  });

  test("is refused for what Mesos refuses", async () => {
    const { peer } = await launched(["a"]);
    const events = await peer.subscribed();
    await events.next("LAUNCH");
    const refusals: Array<[Promise<HttpAnswer>, number, string]> = [
      [peer.update("a", "TASK_RUNNING", { uuid: "AAAA" }), 400, "Failed to validate Executor::Call: Not a valid UUID"],
      [
        peer.update("a", "TASK_RUNNING", { uuid: undefined }),
        400,
        "Failed to validate Executor::Call: Expecting 'uuid' to be present",
      ],
      [
        peer.update("a", "TASK_RUNNING", { executor_id: { value: "b" } }),
        400,
        "Failed to validate Executor::Call: ExecutorID in Call: e does not match ExecutorID in TaskStatus: b",
      ],
      [
        peer.call({ type: "MESSAGE", framework_id: { value: "x" }, message: { data: "" } }),
        400,
        "Framework cannot be found",
      ],
      [
        peer.call({ type: "MESSAGE", executor_id: { value: "x" }, message: { data: "" } }),
        400,
        "Executor cannot be found",
      ],
      [peer.call({ type: "HEARTBEAT", executor_id: { value: "unused" } }), 202, ""],
      [peer.call({ type: "UNKNOWN" }), 501, "501 Not Implemented."],
    ];
    for (const [answer, status, body] of refusals) expect(await answer).toMatchObject({ status, body });
    for (const wrong of [{ source: "SOURCE_MASTER" }, { source: undefined }]) {
      expect((await peer.update("a", "TASK_RUNNING", wrong)).body).toContain(
        "with invalid source, expecting 'SOURCE_EXECUTOR'",
      );
    }
    expect((await peer.update("a", "TASK_STAGING")).body).toContain("Received TASK_STAGING from executor e");
  });

  test("exchanges messages with its scheduler, byte by byte", async () => {
    const { scheduler, offer, peer } = await launched(["a"]);
    const events = await peer.subscribed();
    await events.next("LAUNCH");
    await peer.call({ type: "MESSAGE", message: { data: "AP+A" } });
    expect((await scheduler.events.next("MESSAGE")).message).toMatchObject({ data: "AP+A" });
    const message = { agent_id: offer.agent_id, executor_id: { value: "e" }, data: "/wEA" };
    await scheduler.call("MESSAGE", { message });
    expect((await events.next("MESSAGE")).message).toEqual({ data: "/wEA" });
  });

  test("that subscribes again takes over from itself; tasks it doesn't know are dropped", async () => {
    const { scheduler, peer } = await launched(["a", "b"]);
    const first = await peer.subscribed();
    await first.next("LAUNCH");
    const unacknowledged_tasks = [customTask({ agent_id: { value: "x" } } as Offer, "b")];
    const second = await peer.subscribe({ unacknowledged_tasks });
    await first.end();
    expect((await second.next()).type).toBe("SUBSCRIBED");
    expect(await scheduler.update("a")).toMatchObject({
      state: "TASK_DROPPED",
      reason: "REASON_AGENT_RESTARTED",
      message: "Task launched during agent restart",
    });
    await peer.update("b", "TASK_RUNNING");
    expect((await scheduler.update("b")).state).toBe("TASK_RUNNING");
  });

  test("that ends with tasks fails them, and its wait status is told first", async () => {
    const { scheduler } = await launched(["a"], { ...EXECUTOR, command: { value: "exit 3" } });
    expect((await scheduler.events.next("FAILURE", "UPDATE")).failure).toMatchObject({
      executor_id: { value: "e" },
      status: 768,
    });
    expect(await scheduler.update("a")).toMatchObject({
      state: "TASK_FAILED",
      reason: "REASON_EXECUTOR_TERMINATED",
      source: "SOURCE_AGENT",
      message: "Executor terminated",
    });
  });

  test("that does not subscribe in time is ended", async () => {
    const { scheduler } = await launched(["a"], EXECUTOR, { executor_registration_timeout: "100ms" });
    expect(await scheduler.update("a")).toMatchObject({
      state: "TASK_FAILED",
      reason: "REASON_EXECUTOR_REGISTRATION_TIMEOUT",
      message: "Executor did not register within 100ms",
    });
  });

  test("whose task is killed before it subscribed gets SHUTDOWN, and ends by force", async () => {
    const { scheduler, peer } = await launched(["a"], EXECUTOR, { executor_shutdown_grace_period: "100ms" });
    await scheduler.call("KILL", { kill: { task_id: { value: "a" } } });
    expect(await scheduler.update("a")).toMatchObject({
      state: "TASK_KILLED",
      reason: "REASON_TASK_KILLED_DURING_LAUNCH",
      message: "Killed before delivery to the executor",
    });
    const events = await peer.subscribed();
    expect((await events.next()).type).toBe("SHUTDOWN");
    expect((await scheduler.events.next("FAILURE")).failure.status).toBe(9);
  });

  test("is told to kill and to shut down, and its whole process group ends", async () => {
    const command = { value: "touch started; sleep 1000 & wait" };
    const { scheduler, offer, peer } = await launched(["a"], {
      ...EXECUTOR,
      command,
      shutdown_grace_period: { nanoseconds: 100_000_000 },
    });
    const events = await peer.subscribed();
    await events.next("LAUNCH");
    await peer.update("a", "TASK_RUNNING");
    const { container_status } = await scheduler.update("a");
    await scheduler.call("KILL", { kill: { task_id: { value: "a" } } });
    expect((await events.next("KILL")).kill.task_id.value).toBe("a");
    await scheduler.call("SHUTDOWN", { shutdown: { agent_id: offer.agent_id, executor_id: { value: "e" } } });
    await events.next("SHUTDOWN");
    expect((await scheduler.update("a")).state).toBe("TASK_FAILED");
    const group = container_status?.executor_pid ?? 0;
    expect(group).toBeGreaterThan(1);
    // What the executor left behind is reaped by the system's first process, which may take its time.
    await expect.poll(() => isGroupAlive(group), { timeout: 8000 }).toBe(false);
  });

  test("has to be described the same for a second task", async () => {
    const { scheduler, peer } = await launched(["a"]);
    const events = await peer.subscribed();
    await events.next("LAUNCH");
    const offer = await scheduler.offer();
    expect(offer.executor_ids).toEqual([{ value: "e" }]);
    await scheduler.launch(offer, customTask(offer, "b", { ...EXECUTOR, name: "other" }), customTask(offer, "c"));
    expect((await scheduler.update("b")).message).toMatch(/^ExecutorInfo is not compatible with existing ExecutorInfo/);
    expect((await events.next("LAUNCH")).launch.task.task_id.value).toBe("c");
  });
});
