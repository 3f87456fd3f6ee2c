import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, describe, expect, test } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { Event_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { AnsweringMaster } from "../support/answeringMaster.js";
import { startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { eventually } from "../support/eventually.js";
import { frameworkInfo, task, unique } from "../support/messages.js";
import { at } from "../support/paths.js";
import { uuid } from "../support/scheduler.js";

const ROUNDS = 12;
const FRAMEWORKS_A_ROUND = 25;

/** Has the bridge's process tell, at SIGWINCH, what it holds, after it has collected what it need not. */
const INSPECTOR = `
process.on("SIGWINCH", () => {
  for (let i = 0; i < 3; i++) globalThis.gc();
  const count = (list) => list.reduce((all, name) => ({ ...all, [name]: (all[name] ?? 0) + 1 }), {});
  process.stderr.write("holds " + JSON.stringify({
    heap: process.memoryUsage().heapUsed, external: process.memoryUsage().arrayBuffers,
    resources: count(process.getActiveResourcesInfo()),
  }) + "\\n");
});
`;

interface Holdings {
  heap: number;
  external: number;
  resources: Record<string, number>;
}

describe("a bridge through which hundreds of frameworks go", () => {
  const cleanup = new Cleanup();
  afterAll(() => cleanup.run());

  test("holds no more at the end than at the start", { timeout: 120_000 }, async () => {
    const master = cleanup.use(await AnsweringMaster.start());
    const nodeOptions = process.env.NODE_OPTIONS;
    process.env.NODE_OPTIONS = `--expose-gc --import "data:text/javascript,${encodeURIComponent(INSPECTOR)}"`;
    const bridge = cleanup.use(
      await startBridge({ master: master.host, flags: ["--log-level", "warn", "--offer-hold", "20ms"] }).finally(() => {
        if (nodeOptions === undefined) delete process.env.NODE_OPTIONS;
        else process.env.NODE_OPTIONS = nodeOptions;
      }),
    );
    const observer = cleanup.use(new BridgeClient(bridge.address));

    /** One framework's life: it watches, launches, sees updates, and ends in one of several ways. */
    async function live(kind: number): Promise<void> {
      const frameworkName = unique("life");
      const request = {
        frameworkName,
        frameworkInfo: frameworkInfo(),
        lease: { seconds: 0n, nanos: 50_000_000 },
        expiryPolicy: kind % 5 === 1 ? 2 : 1,
      };
      const scheduler = await (await BridgeScheduler.attach(bridge.address, request)).linked();
      const { frameworkId } = scheduler;
      const subscription = await eventually(() =>
        master.subscriptions.all.findLast((each) => each.frameworkId === frameworkId),
      );
      const watch = scheduler.client.stream("watchEvents", { frameworkName });
      await watch.connected;
      const agentId = { value: "agent" };
      const offer = {
        id: { value: `offer of ${frameworkName}` },
        frameworkId: { value: frameworkId },
        agentId,
        hostname: "h",
      };
      subscription.send({ type: Event_Type.OFFERS, offers: { offers: [offer] } });
      const [open] = await scheduler.offers();
      const launched = task(agentId, { command: { value: "true" } });
      await scheduler.ok("launchTasks", {
        offerIds: open?.id ? [open.id] : [],
        tasks: [launched],
        header: { requestId: frameworkName },
      });
      for (const state of [TaskState.TASK_RUNNING, TaskState.TASK_FINISHED]) {
        const status = { taskId: launched.taskId, agentId, state, uuid: uuid(), data: Buffer.alloc(20_000) };
        subscription.send({ type: Event_Type.UPDATE, update: { status } });
        await scheduler.update(launched.taskId?.value);
      }
      if (kind % 5 === 2) await scheduler.client.call("closeSession", { header: scheduler.header });
      else if (kind % 5 === 3) subscription.connection.error("Framework failed over");
      else if (kind % 5 === 4) (await BridgeScheduler.attach(bridge.address, request)).stop();
      else if (kind % 5 === 0) await scheduler.ok("teardown");
      watch.cancel();
      scheduler.stop();
    }

    async function round(): Promise<Holdings> {
      await Promise.all(Array.from({ length: FRAMEWORKS_A_ROUND }, (_, i) => live(i)));
      await eventually(
        async () => {
          const { response } = await observer.call("listFrameworks", { pageSize: 1000 });
          return response?.frameworks.every(({ sessionOpen }) => !sessionOpen);
        },
        { what: "the end of all sessions" },
      );
      await eventually(() => master.fake.openConnections === 0, { what: "the end of all links" });
      return holdings();
    }

    /** What it holds while it reads or writes no file: it looks after its directory at any moment. */
    function holdings(): Promise<Holdings> {
      return eventually(
        async () => {
          const now = await momentaryHoldings();
          return Object.keys(now.resources).some((name) => name.startsWith("FSReq")) ? undefined : now;
        },
        { what: "the end of all requests of files" },
      );
    }

    async function momentaryHoldings(): Promise<Holdings> {
      const lines = () => [...bridge.log().matchAll(/^holds (.*)$/gm)];
      const before = lines().length;
      bridge.process.signal("SIGWINCH");
      await eventually(() => lines().length > before, { what: "what the bridge holds" });
      return JSON.parse(lines().at(-1)?.[1] ?? "") as Holdings;
    }

    const rounds: Holdings[] = [];
    for (let i = 0; i < ROUNDS; i++) rounds.push(await round());
    // The first round is for what is made once. A timer that looks back at the last second may be among them.
    const before = rounds[1]?.resources ?? {};
    await eventually(
      async () => {
        const { resources } = await holdings();
        for (const [name, count] of Object.entries(resources))
          expect(count, name).toBeLessThanOrEqual(before[name] ?? 0);
        return true;
      },
      { what: "no more sockets and timers than before" },
    );
    // Each framework had 40 kB of events: 10 MB of them all.
    const least = (of: Holdings[], what: "heap" | "external") =>
      Math.min(...of.map((each) => each[what])) / 1024 / 1024;
    const [early, late] = [rounds.slice(1, 4), rounds.slice(-3)];
    expect(least(late, "external") - least(early, "external")).toBeLessThan(1);
    expect(least(late, "heap") - least(early, "heap")).toBeLessThan(1.5);

    const list = await promisify(execFile)(process.execPath, [
      at("dist/server/main.js"),
      ...["frameworks", "list", "--json", "--data-dir", bridge.dataDir],
    ]);
    const remembered = JSON.parse(list.stdout) as { state: string; tasks: number }[];
    // Those that Mesos still has, three of five, and of none a task: all have ended.
    expect(remembered).toHaveLength((ROUNDS * FRAMEWORKS_A_ROUND * 3) / 5);
    expect(remembered.filter(({ state, tasks }) => state !== "closed" || tasks !== 0)).toEqual([]);
  });
});
