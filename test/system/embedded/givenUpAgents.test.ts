import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EmbeddedCluster } from "../../../embedded/cluster.js";
import { cluster, temporaryDirectory } from "../../unit/embedded/support/cluster.js";
import { commandTask, http, Scheduler } from "../../unit/embedded/support/peer.js";

/** A work directory that is kept, and the agents' ids in the order of their folders. */
async function keptCluster(agents: number): Promise<{ workDir: string; ids: string[] }> {
  const workDir = await temporaryDirectory();
  const running = await cluster({ workDir, keep: true, agents });
  const ids = running.agentIds.map((id) => id ?? "");
  await running.close();
  return { workDir, ids };
}

async function markGone({ url }: EmbeddedCluster, agentId: string | undefined): Promise<void> {
  const call = { type: "MARK_AGENT_GONE", mark_agent_gone: { agent_id: { value: agentId } } };
  expect((await http(`${url}/api/v1`, call)).status).toBe(200);
}

async function slaves({ url }: EmbeddedCluster): Promise<string[]> {
  const { body } = await http(`${url}/slaves`, "", { method: "GET" });
  return (JSON.parse(body) as { slaves: { id: string }[] }).slaves.map(({ id }) => id).sort();
}

describe("an agent that was given up", () => {
  test("before it came back starts as a new one, and the log says so", async () => {
    const { workDir, ids } = await keptCluster(2);
    const without = await cluster({ workDir, keep: true, agents: 1 });
    await markGone(without, ids[1]);
    await without.close();
    const log: string[] = [];
    const again = await cluster({ workDir, keep: true, agents: 2, log: (line) => log.push(line) });
    expect(again.agentIds).toEqual([ids[0], `${again.masterId}-S0`]);
    expect(await slaves(again)).toEqual([...again.agentIds].sort());
    expect(log).toContain(`agent ${ids[1]} is refused (Agent has been marked gone): it starts as a new one`);
    await again.close();
    const third = await cluster({ workDir, keep: true, agents: 2 });
    expect(third.agentIds).toEqual(again.agentIds);
  });

  test("before it came back counts as recovered until its time is up", async () => {
    const running = await cluster({ flags: { agent_reregister_timeout: "2secs" } });
    const [agentId] = running.agentIds;
    await running.stopAgent(0);
    await running.failoverMaster();
    const framework = { capabilities: [{ type: "PARTITION_AWARE" }] };
    const scheduler = await Scheduler.subscribe(running.url, framework);
    await markGone(running, agentId);
    await markGone(running, agentId);
    const { body } = await http(`${running.url}/slaves`, "", { method: "GET" });
    expect(JSON.parse(body)).toMatchObject({ slaves: [], recovered_slaves: [{ id: agentId }] });
    const reconcile = (id: string, agent: string | undefined) =>
      scheduler.call("RECONCILE", { reconcile: { tasks: [{ task_id: { value: id }, agent_id: { value: agent } }] } });
    await reconcile("there", agentId);
    await reconcile("elsewhere", "another");
    // No word of the first one.
    expect(await scheduler.update()).toMatchObject({ task_id: { value: "elsewhere" }, state: "TASK_UNKNOWN" });
    await expect
      .poll(
        async () => {
          await reconcile("there", agentId);
          await reconcile("elsewhere", "another");
          return (await scheduler.update()).state;
        },
        { timeout: 8000 },
      )
      .toBe("TASK_GONE_BY_OPERATOR");
  });

  test("by /machine/down does not hold the start up, and comes back after /machine/up", async () => {
    const { workDir, ids } = await keptCluster(1);
    const running = await cluster({ workDir, keep: true });
    const machine = { hostname: "localhost", ip: "127.0.0.1" };
    const windows = [{ machine_ids: [machine], unavailability: { start: { nanoseconds: 0 } } }];
    const operator = async (path: string, body: object) =>
      expect((await http(`${running.url}${path}`, body)).status).toBe(200);
    await operator("/maintenance/schedule", { windows });
    await operator("/machine/down", [machine]);
    await running.close();
    const log: string[] = [];
    const again = await cluster({ workDir, keep: true, log: (line) => log.push(line) });
    expect(log).toContain("agent 1 does not run: the master refuses it (Machine is `DOWN`)");
    expect(await slaves(again)).toEqual([]);
    expect((await http(`${again.url}/machine/up`, [machine])).status).toBe(200);
    await again.startAgent(0);
    expect(await slaves(again)).toEqual([`${again.masterId}-S0`]);
    expect(again.agentIds).not.toEqual(ids);
  });

  test("while it runs ends its task with a SHUTDOWN first, and starts as a new one", async () => {
    const running = await cluster({ flags: { allocation_interval: "50ms" } });
    const scheduler = await Scheduler.subscribe(running.url);
    const offer = await scheduler.offer();
    const folder = await temporaryDirectory();
    const [ready, last] = [join(folder, "ready"), join(folder, "last")];
    const script = `trap 'echo bye > ${last}; exit 0' TERM; touch ${ready}; while :; do sleep 0.05; done`;
    await scheduler.launch(offer, commandTask(offer, "t", script));
    await expect.poll(() => existsSync(ready)).toBe(true);
    await markGone(running, running.agentIds[0]);
    await expect.poll(() => existsSync(last)).toBe(true);
    expect(await readFile(last, "utf8")).toBe("bye\n");
    await running.startAgent(0);
    expect(await slaves(running)).toEqual([`${running.masterId}-S1`]);
    let next = await scheduler.offer();
    while (next.agent_id.value === offer.agent_id.value) next = await scheduler.offer();
    await scheduler.launch(next, commandTask(next, "next", "exit 0"));
    for (const state of ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]) {
      expect(await scheduler.update("next")).toMatchObject({ state, agent_id: next.agent_id });
    }
  });
});
