import { describe, expect, test } from "vitest";
import { type Offer, TaskState, TaskStatus_Reason } from "../../gen/mesos/v1/mesos.js";
import { cleanupAfterAll } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, task, unique } from "../support/messages.js";
import { MesosScheduler } from "../support/scheduler.js";

const attributes = "rack:a";
const flags = { allocation_interval: "100ms", executor_reregistration_timeout: "10secs" };

/** A crash of master and agents, and their recovery. */
describeEachMesos("a restarted cluster", { attributes, flags }, (mesos) => {
  const cleanup = cleanupAfterAll();

  describe("with a checkpointed framework", () => {
    test("knows the agents, the tasks and the framework again", { timeout: 120_000 }, async () => {
      const host = cleanup.use(await ExecutorHost.start());
      const before = cleanup.use(new MesosScheduler(mesos()));
      const info = frameworkInfo({ checkpoint: true, failoverTimeout: 600 });
      const { masterInfo } = await before.subscribe(info);
      const offer = await before.offer();
      const executorId = unique("executor");
      const launched = task(offer.agentId, { executor: host.info(executorId) });
      await before.accept([offer], [launch(launched)]);
      const process = await host.process(executorId);
      const executor = cleanup.use(MesosExecutor.of(process));
      await executor.subscribe();
      const { task: delivered } = await executor.stream.next("launch");
      await executor.update(delivered?.taskId, TaskState.TASK_RUNNING);
      await executor.stream.next("acknowledged");
      await before.update(launched.taskId?.value);
      // Stored by the agent, and never acknowledged by the scheduler.
      const finished = await executor.update(delivered?.taskId, TaskState.TASK_FINISHED);
      await executor.stream.next("acknowledged");

      await mesos().crash();
      await before.stream.ended;
      await executor.stream.ended;
      expect(before.stream.received.some(({ event }) => event.error)).toBe(false);

      const after = cleanup.use(new MesosScheduler(mesos()));
      after.follows(before);
      const again = cleanup.use(MesosExecutor.of(process));
      const reconcile = (agentId: Offer["agentId"]) =>
        after.send("RECONCILE", {
          reconcile: { tasks: [{ taskId: { value: "unknown" }, ...(agentId && { agentId }) }] },
        });
      let resubscribed: Promise<unknown> | undefined;
      await mesos().recover(async () => {
        const id = { value: before.frameworkId ?? "" };
        const subscribed = await after.subscribe({ ...info, id });
        expect(subscribed.frameworkId?.value).toBe(before.frameworkId);
        expect(subscribed.masterInfo?.id).not.toBe(masterInfo?.id);
        // The agent may have any task, and will tell: until then there is no answer, with its id or without one.
        await reconcile(offer.agentId);
        await reconcile(undefined);
        await expect(after.update("unknown", { timeoutMs: 1000 })).rejects.toThrow("did not come within");
        const agentId = offer.agentId?.value;
        expect(await getJson(`${mesos().master}/slaves`)).toEqual({
          slaves: [],
          recovered_slaves: [
            { id: agentId, hostname: "localhost", port: expect.any(Number), attributes: { rack: "a" } },
          ],
        });
        const headers = { "Content-Type": "application/json" };
        const body = JSON.stringify({ type: "GET_AGENTS" });
        const { text } = await send(`${mesos().master}/api/v1`, { headers, body });
        expect(JSON.parse(text).get_agents.recovered_agents).toMatchObject([
          {
            id: { value: agentId },
            hostname: "localhost",
            attributes: [{ name: "rack" }],
            resources: [{ name: "cpus" }, {}, {}, {}],
          },
        ]);
        // Agents wait for their executors before they register with the master.
        resubscribed = eventually(() => again.subscribe(), { timeoutMs: 60_000, what: "the agent" });
        resubscribed.catch(() => {});
      });
      await resubscribed;
      const { containerId } = again.stream.received[0]?.event.subscribed ?? {};
      expect(process.hello.cwd).toContain(containerId?.value);

      const status = await after.update(launched.taskId?.value, { timeoutMs: 40_000 });
      expect(status).toMatchObject({ state: TaskState.TASK_FINISHED, uuid: finished.uuid, agentId: offer.agentId });

      const next = await after.offer({ timeoutMs: 30_000 });
      expect(next.agentId).toEqual(offer.agentId);
      await reconcile(offer.agentId);
      expect(await after.update("unknown")).toMatchObject({
        state: TaskState.TASK_GONE,
        reason: TaskStatus_Reason.REASON_RECONCILIATION,
      });
    });
  });
});
