import { expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { AttachmentRole, SubscribeMode } from "../../../gen/mesosbridge/v1/scheduler.js";
import { type BridgeScheduler, ids, type PartialSubscribe } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo, task } from "../../support/messages.js";

const cluster = { agents: 1, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_RUNNING, TASK_KILLED } = TaskState;
const { ATTACHMENT_ROLE_ACTIVE, ATTACHMENT_ROLE_STANDBY } = AttachmentRole;

/** Several clients of one framework, of which one is active and the others wait. */
describeBridge("standby schedulers", cluster, (suite) => {
  /** Attaches another client of the same framework, which waits. */
  async function standbyOf({ name }: BridgeScheduler, more: PartialSubscribe = {}): Promise<BridgeScheduler> {
    const mode = SubscribeMode.SUBSCRIBE_MODE_STANDBY;
    const standby = await suite().attach({ frameworkName: name, frameworkInfo: undefined, mode, ...more });
    expect(standby.opened.role).toBe(ATTACHMENT_ROLE_STANDBY);
    return standby;
  }

  async function isDetached({ name }: BridgeScheduler): Promise<boolean> {
    const { response } = await suite().client.call("listFrameworks", { pageSize: 1000 });
    return response?.frameworks.some(({ frameworkName, attached }) => frameworkName === name && !attached) ?? false;
  }

  test("one that waits gets the offers, the owed updates and the tasks when the active one is gone", async () => {
    const active = await suite().attach();
    expect(active.opened.role).toBe(ATTACHMENT_ROLE_ACTIVE);
    const standby = await standbyOf(active);
    const offer = await active.offer();
    const sleeper = task(offer.agentId, { command: { value: "exec sleep 100" } });
    const id = sleeper.taskId?.value ?? "";
    await active.launch(offer, sleeper);
    const owed = await active.owedUpdate(id);
    const waits = { code: "FAILED_PRECONDITION", reason: "NOT_ACTIVE" };
    expect(await standby.call("killTask", { taskId: sleeper.taskId })).toMatchObject(waits);
    expect(await standby.call("teardown")).toMatchObject(waits);

    active.stop();
    const promoted = await standby.promoted();
    expect(promoted).toMatchObject({ role: ATTACHMENT_ROLE_ACTIVE, resumed: false });
    expect(standby.frameworkId).toBe(active.frameworkId);
    await standby.ok("confirmPromotion");
    expect((await standby.owedUpdate(id)).ackToken).toBe(owed.ackToken);
    await standby.ok("acknowledge", { ackTokens: [owed.ackToken] });
    await standby.updateTo(id, TASK_RUNNING);
    await standby.linked();
    await standby.ok("killTask", { taskId: sleeper.taskId });
    await standby.updateTo(id, TASK_KILLED);
    await standby.offer();
  });

  test("what the next one asks for applies when it is promoted, at Mesos too", async () => {
    const active = await suite().attach({ frameworkInfo: { ...frameworkInfo(), hostname: "first.example" } });
    await active.linked();
    const standby = await standbyOf(active, { frameworkInfo: { ...frameworkInfo(), hostname: "second.example" } });
    expect(standby.opened.frameworkInfo?.hostname).toBe("first.example");
    active.stop();
    expect((await standby.promoted()).frameworkInfo?.hostname).toBe("second.example");
    await standby.ok("confirmPromotion");
    await standby.linked();
    await standby.ok("reviveOffers");
  });

  test.each([
    ["is promoted", SubscribeMode.SUBSCRIBE_MODE_STANDBY],
    ["attaches", SubscribeMode.SUBSCRIBE_MODE_ACTIVE],
  ])("what a client that is gone had refused for long is offered to the next one that %s", async (_, mode) => {
    const active = await suite().attach();
    const offer = await active.offer();
    await active.ok("declineOffers", { offerIds: ids([offer]), filters: { refuseSeconds: 600 } });
    active.stop();
    await eventually(() => isDetached(active), { what: "the end of the client" });
    const next = await suite().attach({ frameworkName: active.name, frameworkInfo: undefined, mode });
    if (mode === SubscribeMode.SUBSCRIBE_MODE_STANDBY) await next.promoted();
    expect((await next.offer()).agentId).toEqual(offer.agentId);
  });

  test("a hand-over ends the active one in order, and the next one is promoted", async () => {
    const active = await suite().attach();
    const [first, second] = [await standbyOf(active), await standbyOf(active)];
    await active.ok("closeSession", { handover: true });
    expect(await active.stream.ending()).toMatchObject({ code: "OK" });
    await first.promoted();
    await first.ok("closeSession", { handover: true });
    await second.promoted();
    await second.linked();
    await second.ok("reviveOffers");
  });

  test("a teardown ends those that wait in order", async () => {
    const active = await suite().attach();
    const standby = await standbyOf(active);
    await active.linked();
    await active.ok("teardown");
    expect(await standby.stream.ending()).toMatchObject({ code: "OK" });
  });

  test("a mode that nobody knows is refused", async () => {
    const wrong = suite().start({ mode: 7 as SubscribeMode });
    const violations = ["mode: 7 is not known"];
    expect(await wrong.stream.ending()).toMatchObject({
      code: "INVALID_ARGUMENT",
      reason: "INVALID_FIELD",
      violations,
    });
  });
});
