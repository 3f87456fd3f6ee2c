import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EmbeddedCluster } from "../../../embedded/cluster.js";
import type { FlagValues } from "../../../embedded/flags.js";
import { cluster, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { commandTask, http, Scheduler } from "../../unit/embedded/support/peer.js";

const AWARE = { capabilities: [{ type: "PARTITION_AWARE" }], failover_timeout: 60, checkpoint: true };
const QUICK = { allocation_interval: "50ms", agent_ping_timeout: "50ms", max_agent_ping_timeouts: "3" };

const OK = { status: 200, body: "" };
const NOT_DEACTIVATED = { status: 400, body: "Agent is not deactivated" };
const STILL_DRAINING = { status: 400, body: "Agent is still in the DRAINING state" };
const REMOVED = { status: 409, body: "Agent removed while processing the call" };

interface DescribedAgent {
  readonly agent_info: { readonly id: { readonly value: string } };
  readonly active: boolean;
  readonly deactivated: boolean;
  readonly drain_info?: { readonly state: string };
}

/** What an operator does about the first agent of a cluster. */
class Operator {
  readonly #running: EmbeddedCluster;
  readonly agentId: string;

  constructor(running: EmbeddedCluster, agentId = running.agentIds[0] ?? "") {
    this.#running = running;
    this.agentId = agentId;
  }

  call(type: string, more: object = {}) {
    const call = { type, [type.toLowerCase()]: { agent_id: { value: this.agentId }, ...more } };
    return http(`${this.#running.url}/api/v1`, call);
  }

  async agents(): Promise<DescribedAgent[]> {
    const { body } = await http(`${this.#running.url}/api/v1`, { type: "GET_AGENTS" }, JSON_ANSWER);
    return (JSON.parse(body) as { get_agents: { agents: DescribedAgent[] } }).get_agents.agents;
  }

  async agent(): Promise<DescribedAgent | undefined> {
    return (await this.agents()).find(({ agent_info }) => agent_info.id.value === this.agentId);
  }
}
const JSON_ANSWER = { headers: { Accept: "application/json" } };

async function withTask(info: object = AWARE, flags: FlagValues = QUICK) {
  const running = await cluster({ flags });
  const scheduler = await Scheduler.subscribe(running.url, info);
  const offer = await scheduler.offer();
  await scheduler.launch(offer, commandTask(offer, "t", "exec sleep 1000"));
  for (const state of ["TASK_STARTING", "TASK_RUNNING"]) expect(await scheduler.update("t")).toMatchObject({ state });
  return { running, scheduler, operator: new Operator(running) };
}

/** Until the master has given it up. */
async function lose({ running, operator }: { running: EmbeddedCluster; operator: Operator }): Promise<void> {
  running.partitionAgent(0, true);
  await expect.poll(() => operator.agent()).toBeUndefined();
}

async function restartAgent(running: EmbeddedCluster): Promise<void> {
  await running.stopAgent(0);
  await running.startAgent(0);
}

describe("an agent that can't be reached", () => {
  test("drains when it is back", async () => {
    const { running, scheduler, operator } = await withTask();
    await lose({ running, operator });
    expect(await scheduler.update("t")).toMatchObject({
      state: "TASK_UNREACHABLE",
      message: "health check timed out",
    });
    expect(await operator.call("DRAIN_AGENT")).toMatchObject(OK);
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(STILL_DRAINING);
    expect(await operator.call("DEACTIVATE_AGENT")).toMatchObject(OK);
    await restartAgent(running);
    expect(await scheduler.update("t")).toMatchObject({ message: "Unreachable agent re-reregistered" });
    expect(await operator.agent()).toMatchObject({ active: false, deactivated: true });
    expect(await operator.agent()).not.toHaveProperty("estimated_drain_start_time");
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_KILLED", reason: "REASON_AGENT_DRAINING" });
    await expect.poll(() => operator.agent()).toMatchObject({ drain_info: { state: "DRAINED" } });
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(OK);
    await scheduler.offer();
  });

  test("stays out of service when it is back, unless it was put back meanwhile", async () => {
    const running = await cluster({ flags: QUICK });
    const operator = new Operator(running);
    await lose({ running, operator });
    expect(await operator.call("DEACTIVATE_AGENT")).toMatchObject(OK);
    await restartAgent(running);
    expect(await operator.agent()).toMatchObject({ active: false, deactivated: true });
    await lose({ running, operator });
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(REMOVED);
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(NOT_DEACTIVATED);
    await restartAgent(running);
    expect(await operator.agent()).toMatchObject({ active: true, deactivated: false });
  });

  test("is marked gone when it is back and has nothing to do", async () => {
    const running = await cluster({ flags: QUICK });
    const operator = new Operator(running);
    await lose({ running, operator });
    expect(await operator.call("DRAIN_AGENT", { mark_gone: true })).toMatchObject(OK);
    const scheduler = await Scheduler.subscribe(running.url, AWARE);
    await restartAgent(running);
    expect((await scheduler.events.next("FAILURE")).failure).toEqual({ agent_id: { value: operator.agentId } });
    expect(await operator.agents()).toEqual([]);
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(STILL_DRAINING);
    await running.startAgent(0);
    expect(await operator.agents()).toMatchObject([{ active: true, deactivated: false }]);
  });

  test.each([
    [AWARE, "TASK_GONE_BY_OPERATOR", "REASON_AGENT_REMOVED_BY_OPERATOR"],
    [{ ...AWARE, capabilities: [] }, "TASK_LOST", "REASON_AGENT_REMOVED"],
  ])("and is marked gone takes its tasks with it: %j", async (info, state, reason) => {
    const { running, scheduler, operator } = await withTask(info);
    expect(await operator.call("DEACTIVATE_AGENT")).toMatchObject(OK);
    await lose({ running, operator });
    await scheduler.update("t");
    expect(await operator.call("MARK_AGENT_GONE")).toMatchObject(OK);
    expect(await scheduler.update("t")).toMatchObject({ state, reason, message: "Agent has been marked gone" });
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(NOT_DEACTIVATED);
    const { body } = await http(`${running.url}/api/v1`, { type: "GET_TASKS" }, JSON_ANSWER);
    expect(JSON.parse(body)).toMatchObject({ get_tasks: { unreachable_tasks: [], completed_tasks: [{ state }] } });
  });
});

describe("an agent that is away for a moment", () => {
  test("is drained at once when it has no task, and active only when it is back", async () => {
    const running = await cluster({ flags: { allocation_interval: "50ms" } });
    const operator = new Operator(running);
    await running.stopAgent(0);
    expect(await operator.call("DRAIN_AGENT")).toMatchObject(OK);
    expect(await operator.agent()).toMatchObject({ deactivated: true, drain_info: { state: "DRAINED" } });
    expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(OK);
    expect(await operator.agent()).toMatchObject({ active: false, deactivated: false });
    await running.startAgent(0);
    expect(await operator.agent()).toMatchObject({ active: true, deactivated: false });
  });

  test("drains when it is back", async () => {
    const { running, scheduler, operator } = await withTask();
    await running.stopAgent(0);
    expect(await operator.call("DRAIN_AGENT")).toMatchObject(OK);
    expect(await operator.agent()).toMatchObject({ drain_info: { state: "DRAINING" } });
    await running.startAgent(0);
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_KILLED", reason: "REASON_AGENT_DRAINING" });
    await expect.poll(() => operator.agent()).toMatchObject({ drain_info: { state: "DRAINED" } });
  });

  test("is lost when it takes too long", async () => {
    const flags = { ...QUICK, agent_ping_timeout: "15secs", agent_reregister_timeout: "100ms" };
    const { running, scheduler } = await withTask(AWARE, flags);
    await running.stopAgent(0);
    const message = "agent did not reregister within 100ms after disconnecting";
    expect(await scheduler.update("t")).toMatchObject({ state: "TASK_UNREACHABLE", message });
  });
});

test("an agent that took leave is no longer out of service", async () => {
  const running = await cluster();
  const operator = new Operator(running);
  expect(await operator.call("DEACTIVATE_AGENT")).toMatchObject(OK);
  running.unregisterAgent(0);
  await expect.poll(() => operator.agent()).toBeUndefined();
  expect(await operator.call("REACTIVATE_AGENT")).toMatchObject(NOT_DEACTIVATED);
});

describe("a work directory that is kept", () => {
  test("remembers who is out of service", async () => {
    const workDir = await temporaryDirectory();
    const options = { workDir, keep: true, agents: 3 };
    const first = await cluster(options);
    const operators = first.agentIds.map((id) => new Operator(first, id));
    const grace = { max_grace_period: { seconds: 7 } };
    expect(await operators[0]?.call("DRAIN_AGENT", grace)).toMatchObject(OK);
    expect(await operators[1]?.call("DEACTIVATE_AGENT")).toMatchObject(OK);
    await first.close();
    const again = await cluster(options);
    const [drained, deactivated, other] = first.agentIds.map((id) => new Operator(again, id));
    const config = { max_grace_period: { nanoseconds: 7_000_000_000 }, mark_gone: false };
    const drain_info = { state: "DRAINED", config };
    expect(await drained?.agent()).toMatchObject({ active: false, deactivated: true, drain_info });
    expect(await deactivated?.agent()).toMatchObject({ active: false, deactivated: true });
    expect(await deactivated?.agent()).not.toHaveProperty("drain_info");
    expect(await other?.agent()).toMatchObject({ active: true, deactivated: false });
    expect(await drained?.call("REACTIVATE_AGENT")).toMatchObject(OK);
    await again.close();
    const third = await cluster(options);
    expect(await new Operator(third, drained?.agentId).agent()).toMatchObject({ active: true, deactivated: false });
  });

  test("may be of a version that knew no draining", async () => {
    const workDir = await temporaryDirectory();
    const first = await cluster({ workDir, keep: true });
    await first.close();
    const file = join(workDir, "master", "registry.json");
    const { withdrawals, ...older } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
    expect(withdrawals).toEqual([]);
    await writeFile(file, JSON.stringify(older));
    const again = await cluster({ workDir, keep: true });
    expect(again.agentIds).toEqual(first.agentIds);
  });
});
