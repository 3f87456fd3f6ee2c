import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, onTestFailed, test } from "vitest";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import { type Bridge, startBridge } from "../support/bridge.js";
import { BridgeScheduler } from "../support/bridgeScheduler.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { frameworkInfo, task, unique } from "../support/messages.js";

const SECRETS = { alice: "s3cret-of-alice", bob: "s3cret-of-bob" };
const options = { credentials: SECRETS, flags: { allocation_interval: "100ms" } };

describeEachMesos("a bridge that is started again with another principal", options, (mesos) => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  /** Flags for a principal, by its right secret or by a wrong one. */
  async function as(principal: keyof typeof SECRETS, secret = SECRETS[principal]): Promise<string[]> {
    const file = join(await cleanup.tempDir(), "secret");
    await writeFile(file, secret);
    return ["--principal", principal, "--secret-file", file];
  }

  async function start(flags: string[]): Promise<Bridge> {
    const bridge = cleanup.use(await startBridge({ master: mesos().master, flags }));
    onTestFailed(() => console.error(bridge.log()));
    return bridge;
  }

  async function restart(bridge: Bridge, flags: string[]): Promise<void> {
    await bridge.kill();
    await bridge.restart(flags);
  }

  const again = ({ name }: BridgeScheduler, frameworkInfo: PartialInfo | undefined = undefined) => ({
    frameworkName: name,
    frameworkInfo,
  });

  test("subscribes a framework that Mesos has never had, before its client is back", async () => {
    const bridge = await start(await as("alice", "wrong"));
    const frameworkName = unique("principal");
    const info = frameworkInfo();
    const first = cleanup.use(await BridgeScheduler.attach(bridge.address, { frameworkName, frameworkInfo: info }));
    expect(first.opened.frameworkInfo?.principal).toBe("alice");
    await bridge.process.logged(/does not accept the bridge's credentials/);
    await restart(bridge, await as("bob"));
    await bridge.process.logged(/"msg":"subscribed"/);
    for (const request of [again(first), again(first, info)]) {
      const next = cleanup.use(await BridgeScheduler.attach(bridge.address, request));
      expect(next.opened.frameworkInfo?.principal).toBe("bob");
      expect(next.frameworkId).toBe(first.frameworkId);
      await next.linked();
    }
  });

  test("is told that a framework's principal can't change, and goes on with the one before", async () => {
    const bridge = await start(await as("alice"));
    const first = await cleanup.use(await BridgeScheduler.attach(bridge.address)).linked();
    const offer = await first.offer();
    const sleeping = task(offer.agentId, { command: { value: "sleep 300" } });
    const id = sleeping.taskId?.value ?? "";
    await first.launch(offer, sleeping);
    await first.updateTo(id, TaskState.TASK_RUNNING, { timeoutMs: 20_000 });
    await restart(bridge, await as("bob"));
    const refused = cleanup.use(BridgeScheduler.start(bridge.address, again(first)));
    expect(await refused.stream.ending()).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "FRAMEWORK_REFUSED",
      message: expect.stringContaining("Changing framework's principal is not allowed."),
    });
    await restart(bridge, await as("alice"));
    const back = await cleanup.use(await BridgeScheduler.attach(bridge.address, again(first))).linked();
    expect(back.frameworkId).toBe(first.frameworkId);
    await back.ok("reconcileTasks", { tasks: [{ taskId: { value: id } }] });
    expect((await back.update(id)).state).toBe(TaskState.TASK_RUNNING);
    await back.ok("teardown");
  });
});

type PartialInfo = ReturnType<typeof frameworkInfo>;
