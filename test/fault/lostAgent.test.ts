import { afterEach, beforeAll, describe, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  TaskState,
  type TaskStatus,
  TaskStatus_Reason,
} from "../../gen/mesos/v1/mesos.js";
import { Batch } from "../support/batch.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler, ids } from "../support/bridgeScheduler.js";
import { Cleanup, cleanupAfterAll } from "../support/cleanup.js";
import { describeBridge } from "../support/describeBridge.js";
import { type EmbeddedMesos, startEmbeddedMesos } from "../support/embeddedMesos.js";
import { eventually } from "../support/eventually.js";
import { send } from "../support/http.js";
import { frameworkInfo, type PartialTask, task } from "../support/messages.js";

const { TASK_RUNNING, TASK_UNREACHABLE, TASK_LOST, TASK_KILLED, TASK_GONE_BY_OPERATOR, TASK_FINISHED } = TaskState;
const { REASON_AGENT_REMOVED, REASON_AGENT_REMOVED_BY_OPERATOR, REASON_AGENT_REREGISTERED, REASON_RECONCILIATION } =
  TaskStatus_Reason;
const { MULTI_ROLE, PARTITION_AWARE } = FrameworkInfo_Capability_Type;

/** Launches a task on each of two agents, and waits until they run. */
async function launchOnBoth(scheduler: BridgeScheduler): Promise<{ offers: Offer[]; tasks: PartialTask[] }> {
  const offers: Offer[] = [];
  while (offers.length < 2) {
    for (const offer of await scheduler.offers()) {
      const known = offers.some(({ agentId }) => agentId?.value === offer.agentId?.value);
      if (known) await scheduler.ok("declineOffers", { offerIds: ids([offer]) });
      else offers.push(offer);
    }
  }
  const tasks = offers.map(({ agentId }) => task(agentId, { command: { value: "sleep 300" } }));
  for (const [i, offer] of offers.entries()) await scheduler.launch(offer, tasks[i] ?? {});
  for (const each of tasks) await scheduler.updateTo(idOf(each), TASK_RUNNING, { timeoutMs: 20_000 });
  return { offers, tasks };
}

const idOf = ({ taskId }: PartialTask): string => taskId?.value ?? "";

/** In the real Mesos here master and agents are one process: one agent alone can't be stopped. */
describe.runIf(process.env.MESOS !== "real")("an agent that is cut off, embedded Mesos", () => {
  const all = cleanupAfterAll();
  let each = new Cleanup();
  let mesos: EmbeddedMesos;
  let bridge: Bridge;
  beforeAll(async () => {
    mesos = all.use(
      await startEmbeddedMesos({
        agents: 2,
        resources: "cpus:2;mem:1024;disk:1000",
        flags: {
          allocation_interval: "100ms",
          agent_ping_timeout: "200ms",
          max_agent_ping_timeouts: "3",
          status_update_retry_interval_min: "1secs",
        },
      }),
    );
    bridge = all.use(await startBridge({ master: mesos.master }));
  });
  afterEach(async () => {
    await each.run();
    each = new Cleanup();
  });

  /** Its executors have gone on without it. */
  async function comesBack(): Promise<void> {
    await mesos.faults.stopAgent(0);
    await mesos.faults.startAgent(0);
  }

  test.each([
    ["is unreachable", [MULTI_ROLE, PARTITION_AWARE], TASK_UNREACHABLE],
    ["is lost to a framework that knows no partitions", [MULTI_ROLE], TASK_LOST],
  ])("%s, and its tasks are running again when it is back", async (_, capabilities, state) => {
    const info = frameworkInfo({ capabilities: capabilities.map((type) => ({ type })) });
    const scheduler = each.use(await BridgeScheduler.attach(bridge.address, { frameworkInfo: info }));
    await scheduler.linked();
    const { tasks } = await launchOnBoth(scheduler);
    const lostAgentId = mesos.faults.agentIds[0];
    const lost = tasks.find(({ agentId }) => agentId?.value === lostAgentId) ?? {};
    const other = tasks.find((task) => task !== lost) ?? {};

    mesos.faults.partitionAgent(0, true);
    const gone = await scheduler.owedUpdate(idOf(lost));
    expect(gone).toMatchObject({ ackToken: "", status: { state, reason: REASON_AGENT_REMOVED } });
    const failure = await scheduler.mesos("failure");
    expect([failure.agentId?.value, failure.executorId]).toEqual([lostAgentId, undefined]);
    const reconcile = () => scheduler.ok("reconcileTasks", { tasks: [{ taskId: lost.taskId, agentId: lost.agentId }] });
    await reconcile();
    expect(await scheduler.update(idOf(lost))).toMatchObject({ state, reason: REASON_RECONCILIATION });

    await comesBack();
    const back = await scheduler.update(idOf(lost));
    expect(back).toMatchObject({ state: TASK_RUNNING, reason: REASON_AGENT_REREGISTERED });
    await reconcile();
    expect(await scheduler.update(idOf(lost))).toMatchObject({ state: TASK_RUNNING, reason: REASON_RECONCILIATION });
    const { response } = await scheduler.client.call("listTasks", { frameworkName: scheduler.name });
    expect(response?.tasks.map(({ taskId }) => taskId?.value).sort()).toEqual(tasks.map(idOf).sort());
    for (const each of [lost, other]) {
      await scheduler.ok("killTask", { taskId: each.taskId, agentId: each.agentId });
      await scheduler.updateTo(idOf(each), TASK_KILLED);
    }
    await scheduler.ok("teardown");
  });

  test("ends its tasks all the same: a batch loses none and runs none twice", async () => {
    const batch = await Batch.start({ bridge, master: mesos.master, cleanup: each, seconds: 1 });
    await batch.running(10);
    mesos.faults.partitionAgent(0, true);
    const unreachable = () => batch.lines().some(({ state }) => state === "UNREACHABLE");
    await eventually(unreachable, { what: "TASK_UNREACHABLE" });
    await comesBack();
    await batch.expectAllRanOnce({ exactly: false });
  });
});

/** By an operator's call, each time another agent: that is for ever. */
describeBridge("an agent that is marked gone", { agents: 2, resources: "cpus:2;mem:1024;disk:1000" }, (suite) => {
  test("takes its tasks with it, and no others", async () => {
    const { attach, mesos } = suite();
    const scheduler = await (await attach()).linked();
    const { offers, tasks } = await launchOnBoth(scheduler);
    const [agent] = offers;
    const [lost = {}, other = {}] = tasks;
    const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: agent?.agentId?.value } } };
    const answer = await send(`${mesos.master}/api/v1`, {
      headers: { "Content-Type": "application/json" },
      body: Buffer.from(JSON.stringify(call)),
    });
    expect(answer.status).toBe(200);
    const gone: TaskStatus = await scheduler.update(idOf(lost));
    expect(gone).toMatchObject({ state: TASK_GONE_BY_OPERATOR, reason: REASON_AGENT_REMOVED_BY_OPERATOR });
    const failure = await scheduler.mesos("failure", ({ executorId }) => executorId === undefined);
    expect(failure.agentId).toEqual(agent?.agentId);
    const none = await scheduler.client.call("listTasks", { frameworkName: scheduler.name });
    const running = none.response?.tasks.filter(({ status }) => status?.state === TASK_RUNNING);
    expect(running?.map(({ taskId }) => taskId?.value)).toEqual([idOf(other)]);

    const again = task(other.agentId, { command: { value: "true" } });
    let offer = await scheduler.offer();
    while (offer.agentId?.value !== other.agentId?.value) offer = await scheduler.offer();
    await scheduler.launch(offer, again);
    await scheduler.updateTo(idOf(again), TASK_FINISHED, { timeoutMs: 20_000 });
  });
});
