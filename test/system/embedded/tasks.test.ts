import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { create as createTar } from "tar";
import { describe, expect, test } from "vitest";
import { atEnd, cluster, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { ManualClock } from "../../unit/embedded/support/manualClock.js";
import { commandTask, http, type Offer, Scheduler, scalar, small } from "../../unit/embedded/support/peer.js";

async function statesOf(
  scheduler: Scheduler,
  taskId: string,
  count: number,
): Promise<Array<[string, string | undefined]>> {
  const states: Array<[string, string | undefined]> = [];
  for (let i = 0; i < count; i++) {
    const { state, message } = await scheduler.update(taskId);
    states.push([state, message]);
  }
  return states;
}

function cpus(offer: Offer): unknown {
  const resource = offer.resources.find(({ name }) => name === "cpus");
  return (resource?.scalar as { value: number } | undefined)?.value;
}

describe("command tasks", () => {
  test.each([
    ["exit 0", "TASK_FINISHED", "Command exited with status 0"],
    ["exit 7", "TASK_FAILED", "Command exited with status 7"],
    ["kill -9 $$", "TASK_FAILED", "Command terminated with signal Killed"],
  ])("'%s' ends as %s", async (command, state, message) => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", command));
    expect(await statesOf(scheduler, "t", 3)).toEqual([
      ["TASK_STARTING", undefined],
      ["TASK_RUNNING", undefined],
      [state, message],
    ]);
  });

  test("are killed, by force after the grace period", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url, { capabilities: [{ type: "TASK_KILLING_STATE" }] });
    const offer = await scheduler.offer();
    // It runs when its shell has been started, and is deaf only when that has come to the trap.
    const deaf = join(await temporaryDirectory(), "deaf");
    const stubborn = `trap "" TERM; touch ${deaf}; while true; do sleep 0.1; done`;
    await scheduler.launch(offer, commandTask(offer, "t", stubborn));
    await statesOf(scheduler, "t", 2);
    await expect.poll(() => existsSync(deaf)).toBe(true);
    const kill_policy = { grace_period: { nanoseconds: 200_000_000 } };
    await scheduler.call("KILL", { kill: { task_id: { value: "t" }, kill_policy } });
    expect(await statesOf(scheduler, "t", 2)).toEqual([
      ["TASK_KILLING", undefined],
      ["TASK_KILLED", "Command terminated with signal Killed"],
    ]);
  });

  test("have nothing of the cluster's environment but PATH and HOME", async () => {
    process.env.EMBEDDED_TEST_SECRET = "x";
    atEnd(() => delete process.env.EMBEDDED_TEST_SECRET);
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    const check =
      'test -z "$EMBEDDED_TEST_SECRET" && test "$MESOS_SANDBOX" = "$PWD" && test -n "$PATH" && ' +
      'test "$MESOS_AGENT_ENDPOINT" = "$' +
      '{MESOS_SLAVE_PID#*@}" && test "$MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD" = 5secs && test "$A" = b';
    const variables = [{ name: "A", value: "b" }];
    await scheduler.launch(
      offer,
      commandTask(offer, "t", "", { command: { value: check, environment: { variables } } }),
    );
    expect((await statesOf(scheduler, "t", 3))[2]).toEqual(["TASK_FINISHED", "Command exited with status 0"]);
  });

  test("fetch their URIs, unpacked or executable", async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, "inner.txt"), "inside");
    await createTar({ gzip: true, file: join(directory, "a.tar.gz"), cwd: directory }, ["inner.txt"]);
    await writeFile(join(directory, "run.sh"), "#!/bin/sh\ngrep -q inside inner.txt && grep -q remote dir/named");
    const server = createServer((_, response) => response.end("remote"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    atEnd(() => server.close());
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    const uris = [
      { value: join(directory, "a.tar.gz") },
      { value: `file://${join(directory, "run.sh")}`, executable: true },
      { value: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x?y`, output_file: "dir/named" },
    ];
    await scheduler.launch(offer, commandTask(offer, "t", "", { command: { value: "./run.sh", uris } }));
    expect((await statesOf(scheduler, "t", 3))[2]).toEqual(["TASK_FINISHED", "Command exited with status 0"]);
  });

  test.each([
    { value: "/nowhere/file" },
    { value: "http://127.0.0.1:1/file" },
    { value: "/etc/hostname", output_file: "../escaped" },
  ])("a URI that can't be fetched fails the task: %j", async (uri) => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "", { command: { value: "true", uris: [uri] } }));
    const status = await scheduler.update("t");
    expect(status).toMatchObject({
      state: "TASK_FAILED",
      reason: "REASON_CONTAINER_LAUNCH_FAILED",
      source: "SOURCE_AGENT",
    });
    expect(status.message).toMatch(
      /^Failed to launch container: Failed to fetch all URIs for container '.*': exited with status 1$/,
    );
  });
});

describe("updates", () => {
  test("come again after 10, 20, 40 s until they are acknowledged, and one at a time", async () => {
    const clock = new ManualClock();
    const { url } = await cluster({ clock });
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "exit 0"));
    const first = (await scheduler.events.next("UPDATE")).update.status;
    expect(first.state).toBe("TASK_STARTING");
    for (const delayMs of [10_000, 20_000, 40_000]) {
      await clock.advance(delayMs - 1);
      expect(scheduler.events.waiting.filter(({ type }) => type === "UPDATE")).toEqual([]);
      await clock.advance(1);
      expect((await scheduler.events.next("UPDATE")).update.status).toEqual(first);
    }
    await scheduler.acknowledge(first);
    expect((await scheduler.update("t")).state).toBe("TASK_RUNNING");
    expect((await scheduler.update("t")).state).toBe("TASK_FINISHED");
    await clock.advance(600_000);
    expect(scheduler.events.waiting.filter(({ type }) => type === "UPDATE")).toEqual([]);
  });

  test("a repeated update tells the master that the task has ended since, and its resources are free", async () => {
    const clock = new ManualClock();
    const { url, agentUrls } = await cluster({ clock });
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "exit 0"));
    await scheduler.events.next("UPDATE");
    await clock.advance(2000);
    expect(cpus(await scheduler.offer())).toBe(7.9);
    const isFinished = async () => {
      const answer = await http(`${agentUrls[0]}/state`, "", { method: "GET" });
      return answer.body.includes("TASK_FINISHED");
    };
    await expect.poll(isFinished).toBe(true);
    await clock.advance(10_000);
    expect(cpus(await scheduler.offer())).toBe(0.1);
  });
});

describe("reconciliation", () => {
  test("tells what the master knows, and kills of unknown tasks are answered so too", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url, { capabilities: [{ type: "PARTITION_AWARE" }] });
    const offer = await scheduler.offer();
    const reconcile = async (task: object) => {
      await scheduler.call("RECONCILE", { reconcile: { tasks: [{ task_id: { value: "x" }, ...task }] } });
      return scheduler.update("x");
    };
    expect(await reconcile({})).toMatchObject({ state: "TASK_UNKNOWN", message: "Reconciliation: Task is unknown" });
    expect(await reconcile({ agent_id: offer.agent_id })).toMatchObject({
      state: "TASK_GONE",
      message: "Reconciliation: Task is unknown to the agent",
      reason: "REASON_RECONCILIATION",
      source: "SOURCE_MASTER",
    });
    await scheduler.call("KILL", { kill: { task_id: { value: "x" } } });
    expect((await scheduler.update("x")).state).toBe("TASK_UNKNOWN");
    await scheduler.launch(offer, commandTask(offer, "t", "sleep 100"));
    await scheduler.update("t");
    await scheduler.update("t");
    await scheduler.call("RECONCILE", { reconcile: {} });
    const status = await scheduler.update("t");
    expect(status).toMatchObject({ state: "TASK_RUNNING", message: "Reconciliation: Latest task state" });
    expect(status.uuid).toBeUndefined();
  });
});

describe("ACCEPT", () => {
  test("of offers that are no longer there drops the tasks", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    await scheduler.call("DECLINE", { decline: { offer_ids: [offer.id] } });
    await scheduler.launch(offer, commandTask(offer, "t", "true"));
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_LOST",
      reason: "REASON_INVALID_OFFERS",
      message: `Task launched with invalid offers: Offer ${offer.id.value} is no longer valid`,
    });
  });

  test("refuses a bad task and starts the others", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    const greedy = commandTask(offer, "greedy", "true", { resources: small(100) });
    await scheduler.launch(offer, greedy, commandTask(offer, "a/b", "true"), commandTask(offer, "good", "true"));
    const refused = await scheduler.update("greedy");
    expect(refused).toMatchObject({ state: "TASK_ERROR", reason: "REASON_TASK_INVALID" });
    expect(refused.message).toContain("Total resources cpus(allocated: *):100; mem(allocated: *):32 required by task");
    expect((await scheduler.update("a/b")).message).toBe("'a/b' contains invalid characters");
    expect((await scheduler.update("good")).state).toBe("TASK_STARTING");
  });

  test("reserves, makes a volume, and takes both back", async () => {
    const { url } = await cluster({ flags: { allocation_interval: "50ms" } });
    const capabilities = [{ type: "MULTI_ROLE" }, { type: "RESERVATION_REFINEMENT" }];
    const scheduler = await Scheduler.subscribe(url, { roles: ["r"], capabilities, principal: "p" });
    const reservations = [{ type: "DYNAMIC", role: "r", principal: "p" }];
    const disk = { persistence: { id: "v", principal: "p" }, volume: { container_path: "data", mode: "RW" } };
    const reserved = scalar("disk", 100, { reservations });
    const volume = scalar("disk", 100, { reservations, disk });
    const carryOut = async (...operations: object[]) => {
      const offer = await scheduler.offer();
      await scheduler.call("ACCEPT", { accept: { offer_ids: [offer.id], operations, filters: { refuse_seconds: 0 } } });
      return offer;
    };
    await carryOut(
      { type: "RESERVE", id: { value: "op1" }, reserve: { resources: [reserved] } },
      { type: "CREATE", create: { volumes: [volume] } },
    );
    const { status } = (await scheduler.events.next("UPDATE_OPERATION_STATUS")).update_operation_status;
    expect(status).toMatchObject({ operation_id: { value: "op1" }, state: "OPERATION_FINISHED" });
    await scheduler.call("ACKNOWLEDGE_OPERATION_STATUS", {
      acknowledge_operation_status: {
        agent_id: status.agent_id,
        operation_id: status.operation_id,
        uuid: status.uuid?.value,
      },
    });
    const offer = await carryOut(
      { type: "DESTROY", destroy: { volumes: [volume] } },
      { type: "UNRESERVE", id: { value: "op2" }, unreserve: { resources: [scalar("disk", 200, { reservations })] } },
    );
    expect(offer.resources).toContainEqual(expect.objectContaining({ name: "disk", disk }));
    const refusal = (await scheduler.events.next("UPDATE_OPERATION_STATUS")).update_operation_status.status;
    expect(refusal).toMatchObject({ operation_id: { value: "op2" }, state: "OPERATION_ERROR" });
    expect(refusal.uuid).toBeUndefined();
    expect(refusal.message).toContain("does not contain disk(allocated: r)(reservations: [(DYNAMIC,r,p)]):200");
  });

  test("of a task group starts all tasks; when one fails the others are killed", async () => {
    const { url } = await cluster();
    const scheduler = await Scheduler.subscribe(url);
    const offer = await scheduler.offer();
    const resources = [...small(), scalar("disk", 10)];
    const framework_id = { value: scheduler.frameworkId };
    const executor = { type: "DEFAULT", executor_id: { value: "d" }, framework_id, resources };
    const tasks = [commandTask(offer, "a", "sleep 0.2; exit 3"), commandTask(offer, "b", "exec sleep 100")];
    const operations = [{ type: "LAUNCH_GROUP", launch_group: { executor, task_group: { tasks } } }];
    await scheduler.call("ACCEPT", { accept: { offer_ids: [offer.id], operations } });
    expect((await statesOf(scheduler, "a", 3))[2]).toEqual(["TASK_FAILED", "Command exited with status 3"]);
    expect((await statesOf(scheduler, "b", 3))[2]).toEqual([
      "TASK_KILLED",
      "Command terminated with signal Terminated",
    ]);
    expect((await scheduler.events.next("FAILURE")).failure).toMatchObject({ executor_id: { value: "d" }, status: 0 });
  });
});

test("the state and operator endpoints show what runs", async () => {
  const { url, agentUrls } = await cluster({ attributes: "rack:a" });
  const scheduler = await Scheduler.subscribe(url);
  const offer = await scheduler.offer();
  await scheduler.launch(offer, commandTask(offer, "t", "sleep 100"));
  await statesOf(scheduler, "t", 2);
  const get = async (address: string) =>
    JSON.parse((await http(address, "", { method: "GET" })).body) as Record<string, unknown>;
  expect(await get(`${url}/master/state`)).toMatchObject({
    frameworks: [{ id: scheduler.frameworkId, tasks: [{ id: "t", state: "TASK_RUNNING" }] }],
    slaves: [{ attributes: { rack: "a" }, used_resources: { cpus: 0.1, mem: 32 } }],
  });
  expect(await get(`${agentUrls[0]}/slave(1)/state`)).toMatchObject({ frameworks: [{ executors: [{ id: "t" }] }] });
  expect(await get(`${url}/metrics/snapshot`)).toMatchObject({ "master/slaves_active": 1, "master/tasks_running": 1 });
  const operator = async (call: object) =>
    JSON.parse((await http(`${url}/api/v1`, call)).body || "{}") as Record<string, unknown>;
  expect(await operator({ type: "GET_TASKS" })).toMatchObject({ get_tasks: { tasks: [{ task_id: { value: "t" } }] } });
  await operator({ type: "TEARDOWN", teardown: { framework_id: { value: scheduler.frameworkId } } });
  await scheduler.events.end();
  expect(await operator({ type: "GET_TASKS" })).toMatchObject({
    get_tasks: { completed_tasks: [{ state: "TASK_KILLED" }] },
  });
});
