import { expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { LinkState, type SessionEvent } from "../../../gen/mesosbridge/v1/scheduler.js";
import type { BridgeScheduler } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo, task } from "../../support/messages.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_RUNNING, TASK_KILLED } = TaskState;

/** A framework stays what it is when its client, the bridge, or both go away and come back. */
describeBridge("a framework behind the bridge", cluster, (suite) => {
  /** Attaches again by name alone, as a client that remembers nothing. */
  const again = (scheduler: BridgeScheduler, bridge = suite().bridge) =>
    suite().attach({ frameworkName: scheduler.name, frameworkInfo: undefined }, bridge);

  async function runningTask(scheduler: BridgeScheduler): Promise<string> {
    const offer = await scheduler.offer();
    const sleeper = task(offer.agentId, { command: { value: "exec sleep 100" } });
    await scheduler.launch(offer, sleeper);
    const id = sleeper.taskId?.value ?? "";
    await scheduler.updateTo(id, TASK_RUNNING);
    return id;
  }

  async function kill(scheduler: BridgeScheduler, taskId: string): Promise<void> {
    await scheduler.linked();
    await scheduler.ok("killTask", { taskId: { value: taskId } });
    await scheduler.updateTo(taskId, TASK_KILLED, { timeoutMs: 30_000 });
  }

  test("the client detaches and comes back: same id, its task runs, updates arrive", async () => {
    const first = await suite().attach();
    const taskId = await runningTask(first);
    first.stop();
    const second = await again(first);
    expect(second.frameworkId).toBe(first.frameworkId);
    await kill(second, taskId);
  });

  test("the session outlives the client that left while the bridge had no update for it", async () => {
    const { client } = suite();
    const first = await suite().attach({ lease: { seconds: 600n } });
    const taskId = await runningTask(first);
    first.stop();
    const detached = await eventually(async () => {
      const { response } = await client.call("listFrameworks", { pageSize: 1000 });
      return response?.frameworks.find(({ frameworkName, attached }) => frameworkName === first.name && !attached);
    });
    expect(detached).toMatchObject({ sessionOpen: true, activeTasks: 1, linkState: LinkState.LINK_STATE_CONNECTED });
    const expires = Number(detached.leaseExpireTime) - Date.now();
    expect(expires).toBeGreaterThan(590_000);
    expect(expires).toBeLessThanOrEqual(600_000);
    await kill(await again(first), taskId);
  });

  test("the bridge is killed: the stream breaks, and the same name is the same framework on the next one", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    const taskId = await runningTask(first);
    await bridge.kill();
    expect(await first.stream.ending()).toMatchObject({ code: "UNAVAILABLE", reason: "" });
    await bridge.restart();
    const second = await again(first, bridge);
    expect(second.frameworkId).toBe(first.frameworkId);
    expect(second.opened.frameworkInfo?.name).toBe(first.opened.frameworkInfo?.name);
    await second.linked();
    await second.ok("reconcileTasks", { tasks: [{ taskId: { value: taskId } }] });
    const known = await second.owedUpdate(taskId);
    expect(known).toMatchObject({ ackToken: "", status: { state: TASK_RUNNING } });
    await kill(second, taskId);
  });

  test("client and bridge are killed: the owed update comes again, with the same token", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    const offer = await first.offer();
    const sleeper = task(offer.agentId, { command: { value: "exec sleep 100" } });
    await first.launch(offer, sleeper);
    const taskId = sleeper.taskId?.value ?? "";
    const owed = await first.owedUpdate(taskId);
    first.stop();
    await bridge.kill();
    await bridge.restart();
    const second = await again(first, bridge);
    expect(second.frameworkId).toBe(first.frameworkId);
    await second.linked();
    // The agent repeats it when the framework is back, or at the latest after 10 s by its own timer.
    const repeated = await second.mesosEvent(
      "update",
      ({ status }) => (status?.uuid?.length ?? 0) > 0 && status?.taskId?.value === taskId,
      { timeoutMs: 20_000 },
    );
    expect(repeated.ackToken).toBe(owed.ackToken);
    await second.ok("acknowledge", { ackTokens: [repeated.ackToken] });
    await second.updateTo(taskId, TASK_RUNNING);
    await kill(second, taskId);
  });

  test("a token from before the bridge was killed acknowledges after it", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    const offer = await first.offer();
    const sleeper = task(offer.agentId, { command: { value: "exec sleep 100" } });
    await first.launch(offer, sleeper);
    const { ackToken } = await first.owedUpdate();
    await bridge.kill();
    await bridge.restart();
    const second = await again(first, bridge);
    await second.linked();
    await second.ok("acknowledge", { ackTokens: [ackToken] });
    const isNext = (event: SessionEvent) => event.ackToken !== "" && event.ackToken !== ackToken;
    const running = await second.stream.next(isNext, { what: "the next update", timeoutMs: 20_000 });
    expect(running.event?.value).toMatchObject({ update: { status: { state: TASK_RUNNING } } });
  });

  test("the bridge ends in order: the client is told to attach again, and can, with the next one", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    const taskId = await runningTask(first);
    await bridge.terminate();
    expect(await first.stream.ending()).toMatchObject({
      code: "UNAVAILABLE",
      reason: "BRIDGE_SHUTTING_DOWN",
      retryable: true,
    });
    expect((await bridge.process.exited).code).toBe(0);
    await bridge.restart();
    const second = await again(first, bridge);
    expect(second.frameworkId).toBe(first.frameworkId);
    await kill(second, taskId);
  });

  test("a restarted bridge takes the session up before its client is back", async () => {
    const bridge = await suite().ownBridge(["--offer-hold", "200ms"]);
    const first = await suite().attach({ frameworkInfo: frameworkInfo() }, bridge);
    await first.linked();
    first.stop();
    await bridge.kill();
    await bridge.restart();
    await bridge.process.logged(new RegExp(`"framework":"${first.name}"[^\\n]*"msg":"subscribed"`));
    const second = await again(first, bridge);
    expect(second.opened.linkState).toBe(LinkState.LINK_STATE_CONNECTED);
    await second.offer();
  });
});
