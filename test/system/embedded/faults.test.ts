import { describe, expect, test } from "vitest";
import { cluster } from "../../unit/embedded/support/cluster.js";
import { commandTask, http, Scheduler } from "../../unit/embedded/support/peer.js";

const AWARE = { capabilities: [{ type: "PARTITION_AWARE" }], failover_timeout: 60, checkpoint: true };
const QUICK = { allocation_interval: "50ms", agent_ping_timeout: "50ms", max_agent_ping_timeouts: "3" };

async function withRunningTask(info: object, flags: object = QUICK) {
  const running = await cluster({ flags: { ...flags } });
  const scheduler = await Scheduler.subscribe(running.url, info);
  const offer = await scheduler.offer();
  await scheduler.launch(offer, commandTask(offer, "t", "exec sleep 1000"));
  await scheduler.update("t");
  const status = await scheduler.update("t");
  return { running, scheduler, offer, pid: status.container_status?.executor_pid ?? 0 };
}

describe("an agent", () => {
  test("that stops and comes back keeps the tasks of checkpointed frameworks", async () => {
    const { running, scheduler, pid } = await withRunningTask(AWARE, { allocation_interval: "50ms" });
    const offer = await scheduler.offer();
    await running.stopAgent(0);
    expect((await scheduler.events.next("RESCIND")).rescind.offer_id).toEqual(offer.id);
    expect(() => process.kill(pid, 0)).not.toThrow();
    await scheduler.call("KILL", { kill: { task_id: { value: "t" } } });
    await running.startAgent(0);
    expect((await scheduler.update("t")).state).toBe("TASK_KILLED");
  });

  test("that stops loses the tasks of frameworks without checkpoints, and ends them when it is back", async () => {
    const { running, scheduler, pid } = await withRunningTask({}, { allocation_interval: "50ms" });
    await running.stopAgent(0);
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_LOST",
      reason: "REASON_AGENT_DISCONNECTED",
      message: "Agent localhost disconnected",
    });
    await running.startAgent(0);
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test("that can't be reached is lost, and its tasks come back with it", async () => {
    const { running, scheduler, offer } = await withRunningTask(AWARE);
    await scheduler.offer();
    running.partitionAgent(0, true);
    await scheduler.events.next("RESCIND");
    const lost = await scheduler.update("t");
    expect(lost).toMatchObject({ state: "TASK_UNREACHABLE", reason: "REASON_AGENT_REMOVED" });
    expect(lost.unreachable_time?.nanoseconds).toBeGreaterThan(0);
    expect((await scheduler.events.next("FAILURE")).failure).toEqual({ agent_id: offer.agent_id });
    await scheduler.call("RECONCILE", {
      reconcile: { tasks: [{ task_id: { value: "t" }, agent_id: offer.agent_id }] },
    });
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_UNREACHABLE", reason: "REASON_RECONCILIATION" });
    const nowhere = { tasks: [{ task_id: { value: "t" } }] };
    await scheduler.call("RECONCILE", { reconcile: nowhere });
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_UNKNOWN", reason: "REASON_RECONCILIATION" });
    await running.stopAgent(0);
    await running.startAgent(0);
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_RUNNING",
      reason: "REASON_AGENT_REREGISTERED",
      message: "Unreachable agent re-reregistered",
    });
  });

  test("that is marked gone takes its tasks with it for good", async () => {
    const { running, scheduler, offer, pid } = await withRunningTask(AWARE);
    const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: offer.agent_id } };
    expect((await http(`${running.url}/api/v1`, call)).status).toBe(200);
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_GONE_BY_OPERATOR",
      reason: "REASON_AGENT_REMOVED_BY_OPERATOR",
      message: "Agent has been marked gone",
    });
    await expect.poll(() => isAlive(pid)).toBe(false);
  });

  test("that takes leave is removed, and its tasks are lost", async () => {
    const { running, scheduler, pid } = await withRunningTask(AWARE);
    running.unregisterAgent(0);
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_LOST", reason: "REASON_AGENT_REMOVED" });
    await expect.poll(() => isAlive(pid)).toBe(false);
  });
});

describe("a new master", () => {
  test("has another id; frameworks subscribe again with theirs, and their tasks are there", async () => {
    const { running, scheduler } = await withRunningTask(AWARE);
    const before = running.masterId;
    await running.failoverMaster();
    await scheduler.events.end();
    expect(running.masterId).not.toBe(before);
    const again = await Scheduler.subscribe(running.url, { ...AWARE, id: { value: scheduler.frameworkId } });
    expect(again.frameworkId).toBe(scheduler.frameworkId);
    await again.call("RECONCILE", { reconcile: {} });
    expect((await again.update("t")).state).toBe("TASK_RUNNING");
    await again.call("KILL", { kill: { task_id: { value: "t" } } });
    expect((await again.update("t")).state).toBe("TASK_KILLED");
  });

  test("says nothing of tasks while their agent may come back", async () => {
    const { running, scheduler, offer } = await withRunningTask(AWARE, { allocation_interval: "50ms" });
    await running.stopAgent(0);
    await running.failoverMaster();
    const again = await Scheduler.subscribe(running.url, { ...AWARE, id: { value: scheduler.frameworkId } });
    const tasks = [{ task_id: { value: "t" }, agent_id: offer.agent_id }, { task_id: { value: "t" } }];
    await again.call("RECONCILE", { reconcile: { tasks } });
    await again.call("RECONCILE", {
      reconcile: { tasks: [{ task_id: { value: "x" }, agent_id: { value: "other" } }] },
    });
    expect((await again.update()).task_id.value).toBe("x");
    await running.startAgent(0);
    await again.call("RECONCILE", { reconcile: { tasks } });
    expect((await again.update("t")).state).toBe("TASK_RUNNING");
  });

  test("gets the updates that were not acknowledged", async () => {
    const running = await cluster({ flags: { allocation_interval: "50ms" } });
    const scheduler = await Scheduler.subscribe(running.url, AWARE);
    const offer = await scheduler.offer();
    await scheduler.launch(offer, commandTask(offer, "t", "exit 0"));
    const first = (await scheduler.events.next("UPDATE")).update.status;
    await running.failoverMaster();
    const again = await Scheduler.subscribe(running.url, { ...AWARE, id: { value: scheduler.frameworkId } });
    const { status } = (await again.events.next("UPDATE")).update;
    expect(status).toMatchObject({ state: "TASK_STARTING", uuid: first.uuid });
    await again.acknowledge(status);
    expect((await again.update("t")).state).toBe("TASK_RUNNING");
    expect((await again.update("t")).state).toBe("TASK_FINISHED");
  });
});

test("closing the cluster ends the executors", async () => {
  const { running, pid } = await withRunningTask(AWARE);
  await running.close();
  await expect.poll(() => isAlive(pid)).toBe(false);
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
