import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeClient } from "../support/bridgeClient.js";
import { type RunningProcess, startProcess } from "../support/childProcess.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { at } from "../support/paths.js";

/** Small agents: a task is a process of its own, or two, and as many start at once as have room. */
const resources = "cpus:2;mem:2048;disk:1000";
const options = { agents: 2, resources, flags: { allocation_interval: "100ms" } };

describeEachMesos("the schedulers to learn from", options, (mesos) => {
  let bridge: Bridge;
  let cleanup: Cleanup;
  beforeAll(async () => {
    bridge = await startBridge({ master: mesos().master });
  });
  afterAll(() => bridge?.stop());
  beforeEach(({ onTestFailed }) => {
    cleanup = new Cleanup();
    onTestFailed(() => console.error(`what the bridge said:\n${bridge.log().slice(-4_000)}`));
  });
  afterEach(() => cleanup.run());

  async function start(name: string, ...args: string[]): Promise<RunningProcess> {
    const all = [at(`dist/clients/typescript/${name}/main.js`), "--bridge", bridge.address, ...args];
    return cleanup.use(await startProcess({ command: process.execPath, args: all }));
  }

  async function frameworks(): Promise<(string | undefined)[]> {
    const client = cleanup.use(new BridgeClient(bridge.address));
    return (
      (await client.call("listFrameworks", {})).response?.frameworks.map(({ frameworkName }) => frameworkName) ?? []
    );
  }

  it("template prints as many offers as it is told to, and ends its framework", async () => {
    const template = await start("template", "--offers", "2");
    expect((await template.exited).code, template.log()).toBe(0);
    expect(template.log().match(/offer \S+ of agent \S+: .*cpus 2.*/g)?.length).toBe(2);
    expect(await frameworks()).toEqual([]);
  });

  it("template goes on until Ctrl-C", async () => {
    const template = await start("template");
    await template.logged(/offer /);
    template.signal("SIGINT");
    expect((await template.exited).code, template.log()).toBe(0);
    expect(await frameworks()).toEqual([]);
  });

  it("empty-tasks sees all tasks finish", async () => {
    const tasks = await start("empty-tasks", "--tasks", "12");
    expect((await tasks.exited).code, tasks.log()).toBe(0);
    expect(tasks.log().match(/task \d+ finished/g)?.length).toBe(12);
    expect(tasks.log()).toContain("12 of 12 finished, 0 failed");
    expect(await frameworks()).toEqual([]);
  });

  it("empty-tasks that is interrupted tells that not all have finished", async () => {
    // More than two agents of 2 CPUs have room for at once.
    const tasks = await start("empty-tasks", "--tasks", "2000");
    await tasks.logged(/task \d+ finished/, { timeoutMs: 20_000 });
    tasks.signal("SIGINT");
    expect((await tasks.exited).code, tasks.log()).toBe(1);
    expect(tasks.log()).toMatch(/\d+ of 2000 finished, 0 failed/);
  });

  it("a second scheduler of the same name ends the first, which says why", async () => {
    const first = await start("template", "--framework-name", "same");
    await first.logged(/attached as/);
    const second = await start("template", "--framework-name", "same", "--offers", "1");
    expect((await first.exited).code).toBe(1);
    expect(first.log()).toContain("use another --framework-name to run both");
    second.signal("SIGINT");
    await second.exited;
  });
});
