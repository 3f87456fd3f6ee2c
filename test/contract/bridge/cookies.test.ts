import { expect, test } from "vitest";
import { Offer_Operation_Type, TaskState } from "../../../gen/mesos/v1/mesos.js";
import type { OpenTask } from "../../../gen/mesosbridge/v1/scheduler.js";
import { type BridgeScheduler, ids } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { launch, resources, task } from "../../support/messages.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_RUNNING, TASK_FINISHED, TASK_KILLED, TASK_ERROR } = TaskState;
const sleep = { command: { value: "exec sleep 100" } };

/** A scheduler without a disk knows from the snapshot what it has launched, and for what. */
describeBridge("tasks and their cookies", cluster, (suite) => {
  const again = ({ name }: BridgeScheduler, bridge = suite().bridge) =>
    suite().attach({ frameworkName: name, frameworkInfo: undefined }, bridge);

  const shown = (task: OpenTask | undefined) => ({
    agent: task?.agentId?.value,
    state: task?.status?.state,
    cookie: Buffer.from(task?.cookie ?? "none").toString(),
    unconfirmed: task?.unconfirmed,
  });

  test("are in the snapshot of the next client, until the end of a task is acknowledged", async () => {
    const first = await suite().attach();
    const offer = await first.offer();
    const agent = offer.agentId?.value;
    const long = task(offer.agentId, sleep);
    const short = task(offer.agentId, { command: { value: "exit 0" } });
    const [longId, shortId] = [long.taskId?.value ?? "", short.taskId?.value ?? ""];
    const cookies = { [longId]: Buffer.from("long"), [shortId]: Buffer.from("short") };
    await first.ok("launchTasks", { offerIds: ids([offer]), tasks: [long, short], cookies });
    await first.updateTo(longId, TASK_RUNNING);
    let owed = await first.owedUpdate(shortId);
    while (owed.status.state !== TASK_FINISHED) {
      await first.ok("acknowledge", { ackTokens: [owed.ackToken] });
      owed = await first.owedUpdate(shortId);
    }

    const second = await again(first);
    const tasks = await second.snapshotTasks();
    expect(tasks.size).toBe(2);
    expect(shown(tasks.get(longId))).toEqual({ agent, state: TASK_RUNNING, cookie: "long", unconfirmed: false });
    expect(shown(tasks.get(shortId))).toEqual({ agent, state: TASK_FINISHED, cookie: "short", unconfirmed: false });
    await second.ok("acknowledge", { ackTokens: [owed.ackToken] });
    expect([...(await (await again(first)).snapshotTasks()).keys()]).toEqual([longId]);
  });

  test("survive the bridge, and are unconfirmed until Mesos has said something of them", async () => {
    const bridge = await suite().ownBridge();
    const first = await suite().attach({}, bridge);
    const offer = await first.offer();
    const info = task(offer.agentId, sleep);
    const id = info.taskId?.value ?? "";
    const operations = [{ ...launch(info), type: Offer_Operation_Type.LAUNCH }];
    await first.ok("acceptOffers", { offerIds: ids([offer]), operations, cookies: { [id]: Buffer.from("cookie") } });
    await first.updateTo(id, TASK_RUNNING);
    await bridge.kill();
    await bridge.restart();
    const second = await again(first, bridge);
    const restored = shown((await second.snapshotTasks()).get(id));
    expect(restored).toMatchObject({ agent: offer.agentId?.value, cookie: "cookie" });
    expect(restored.unconfirmed).toBe(restored.state === undefined);
    await second.update(id);
    const third = await again(first, bridge);
    expect(shown((await third.snapshotTasks()).get(id))).toMatchObject({ state: TASK_RUNNING, unconfirmed: false });
    await third.ok("killTask", { taskId: { value: id } });
    await third.updateTo(id, TASK_KILLED);
    expect((await (await again(first, bridge)).snapshotTasks()).size).toBe(0);
  });

  test("an error of a task after its launch was taken is an update as any other", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const info = task(offer.agentId, { ...sleep, resources: resources("cpus:1000;mem:32") });
    const id = info.taskId?.value ?? "";
    await scheduler.ok("launchTasks", { offerIds: ids([offer]), tasks: [info], cookies: { [id]: Buffer.from("c") } });
    await scheduler.updateTo(id, TASK_ERROR);
    // What has no token counts as known once the client has read what came after it.
    await scheduler.ok("reviveOffers");
    expect((await (await again(scheduler)).snapshotTasks()).size).toBe(0);
  });

  test("a cookie of no task, and cookies of more than 512 KiB, are refused, and the offer stays open", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const info = task(offer.agentId, sleep);
    const id = info.taskId?.value ?? "";
    const launchWith = (cookies: Record<string, Buffer>) =>
      scheduler.call("launchTasks", { offerIds: ids([offer]), tasks: [info], cookies });
    expect(await launchWith({ other: Buffer.from("x") })).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      message: 'cookies["other"] must belong to a task that this call launches',
    });
    const limit = 512 * 1024;
    const overhead = 2 + Buffer.byteLength(id) + 4;
    expect(await launchWith({ [id]: Buffer.alloc(limit - overhead + 1) })).toMatchObject({ reason: "INVALID_FIELD" });
    expect(await launchWith({ [id]: Buffer.alloc(limit - overhead) })).toMatchObject({ code: "OK" });
    await scheduler.updateTo(id, TASK_RUNNING);
    expect((await (await again(scheduler)).snapshotTasks()).get(id)?.cookie.length).toBe(limit - overhead);
  });
});
