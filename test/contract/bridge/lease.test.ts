import { expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { OfferChange } from "../../../gen/mesosbridge/v1/observer.js";
import { ExpiryPolicy, LinkState } from "../../../gen/mesosbridge/v1/scheduler.js";
import { BridgeClient } from "../../support/bridgeClient.js";
import { type BridgeScheduler, ids, isSnapshotEnd } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo, task, unique } from "../../support/messages.js";

const options = {
  agents: 1,
  resources: "cpus:4;mem:2048;disk:1000",
  bridgeFlags: ["--offer-hold", "400ms", "--default-lease", "30s"],
};
const { TASK_RUNNING } = TaskState;
const { OFFER_CHANGE_OPENED, OFFER_CHANGE_DECLINED, OFFER_CHANGE_LOST } = OfferChange;

/** What the bridge does for a framework whose client is away. */
describeBridge("a session without its client", options, (suite) => {
  const short = { lease: { seconds: 0n, nanos: 600_000_000 } };

  async function frameworkAt(observer: BridgeClient, name: string) {
    const { response } = await observer.call("listFrameworks", { pageSize: 1000 });
    return response?.frameworks.find(({ frameworkName }) => frameworkName === name);
  }

  const framework = (name: string) => frameworkAt(suite().client, name);

  const again = (scheduler: BridgeScheduler) =>
    suite().attach({ frameworkName: scheduler.name, frameworkInfo: undefined });

  async function runningTask(scheduler: BridgeScheduler): Promise<string> {
    const offer = await scheduler.offer();
    const sleeper = task(offer.agentId, { command: { value: "exec sleep 100" } });
    await scheduler.launch(offer, sleeper);
    await scheduler.updateTo(sleeper.taskId?.value ?? "", TASK_RUNNING);
    return sleeper.taskId?.value ?? "";
  }

  test("its offers are held, then declined and suppressed, and come back with the client", async () => {
    const { attach, client, cleanup } = suite();
    const first = await attach({ frameworkInfo: frameworkInfo({ roles: [unique("role")] }) });
    await first.offer();
    const watched = client.stream("watchOffers", { frameworkName: first.name });
    cleanup.defer(() => watched.cancel());
    const open = await watched.nextAny();
    expect(open).toMatchObject({ change: OFFER_CHANGE_OPENED });
    first.stop();
    const declined = await watched.nextAny();
    expect(declined).toMatchObject({ change: OFFER_CHANGE_DECLINED, offerIds: ids(open.offers) });
    // What the absent one gave back is another's, and stays so: nothing is offered to both.
    const other = await attach();
    const offer = await other.offer();
    await other.ok("declineOffers", { offerIds: ids([offer]), filters: { refuseSeconds: 600 } });
    expect((await framework(first.name))?.openOffers).toBe(0);
    const second = await again(first);
    await second.snapshotEnd();
    await second.offer();
    expect(second.frameworkId).toBe(first.frameworkId);
    expect(await watched.nextAny()).toMatchObject({ change: OFFER_CHANGE_OPENED });
  });

  test("a client that is back in time finds its offers", async () => {
    const { attach } = suite();
    const first = await attach();
    const offer = await first.offer();
    first.stop();
    const second = await again(first);
    expect(ids(await second.offers())).toEqual(ids([offer]));
    const sleeper = task(offer.agentId, { command: { value: "exit 0" } });
    await second.launch(offer, sleeper);
  });

  test("who resumes is told that the offers are gone", async () => {
    const { attach, client, cleanup } = suite();
    const first = await attach();
    const [offer] = await first.offers();
    const { attachmentId } = first.opened;
    const afterSequence = first.stream.received.at(-1)?.sequence ?? 0n;
    const watched = client.stream("watchOffers", { frameworkName: first.name });
    cleanup.defer(() => watched.cancel());
    first.stop();
    await watched.next(({ change }) => change === OFFER_CHANGE_DECLINED);
    const second = await attach({
      frameworkName: first.name,
      frameworkInfo: undefined,
      resume: { attachmentId, afterSequence },
    });
    expect(second.opened.resumed).toBe(true);
    expect((await second.mesos("rescind")).offerId).toEqual(offer?.id);
    await second.offer();
    expect(second.stream.received.some(isSnapshotEnd)).toBe(false);
  });

  test("what the client had suppressed stays so when it resumes", async () => {
    const { attach, client, cleanup } = suite();
    const roles = [unique("wanted"), unique("unwanted")];
    const first = await attach({ frameworkInfo: frameworkInfo({ roles }), suppressedRoles: roles.slice(1) });
    const offers = await first.offers();
    expect(offers.map(({ allocationInfo }) => allocationInfo?.role)).toEqual(roles.slice(0, 1));
    const { attachmentId } = first.opened;
    const afterSequence = first.stream.received.at(-1)?.sequence ?? 0n;
    const watched = client.stream("watchOffers", { frameworkName: first.name });
    cleanup.defer(() => watched.cancel());
    first.stop();
    await watched.next(({ change }) => change === OFFER_CHANGE_DECLINED);
    const second = await attach({
      frameworkName: first.name,
      frameworkInfo: undefined,
      resume: { attachmentId, afterSequence },
    });
    const [offer] = await second.offers();
    expect(offer?.allocationInfo?.role).toBe(roles[0]);
  });

  test("a new client gets offers, though the one before had suppressed them", async () => {
    const { attach } = suite();
    const info = frameworkInfo();
    const first = await attach({ frameworkInfo: info });
    const offer = await first.offer();
    await first.ok("suppressOffers");
    await first.ok("declineOffers", { offerIds: ids([offer]), filters: { refuseSeconds: 0 } });
    const second = await attach({ frameworkName: first.name, frameworkInfo: info });
    await second.offer();
    const third = await attach({ frameworkName: first.name, frameworkInfo: info, suppressedRoles: ["*"] });
    await third.ok("declineOffers", { offerIds: ids(await third.offers()), filters: { refuseSeconds: 0 } });
    const other = await attach();
    await other.offer();
    expect((await framework(third.name))?.openOffers).toBe(0);
  });

  test("DISCONNECT: the session ends, its id and tasks stay for the next client", async () => {
    const { attach } = suite();
    const first = await attach(short);
    const taskId = await runningTask(first);
    first.stop();
    await eventually(async () => (await framework(first.name))?.sessionOpen === false);
    expect(await framework(first.name)).toMatchObject({ frameworkId: { value: first.frameworkId }, attached: false });
    const second = await again(first);
    expect(second.frameworkId).toBe(first.frameworkId);
    await second.linked();
    await second.ok("reconcileTasks", { tasks: [{ taskId: { value: taskId } }] });
    expect((await second.owedUpdate(taskId)).status.state).toBe(TASK_RUNNING);
  });

  test("TEARDOWN: the framework is removed, and its name is free", async () => {
    const { attach } = suite();
    const first = await attach({ ...short, expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN });
    await runningTask(first);
    first.stop();
    await eventually(async () => (await framework(first.name)) === undefined);
    const second = await attach({ frameworkName: first.name });
    expect(second.frameworkId).not.toBe(first.frameworkId);
    // As an id of its own, the old one is used up.
    const third = await attach({ frameworkInfo: frameworkInfo({ id: { value: first.frameworkId } }) });
    expect(await third.stream.ending()).toMatchObject({ code: "FAILED_PRECONDITION", reason: "FRAMEWORK_REMOVED" });
  });

  test("sessions that end as their clients want leave no warning in the log", async () => {
    const { ownBridge, attach, cleanup } = suite();
    const bridge = await ownBridge();
    await bridge.process.logged(/a Mesos master answers/);
    for (const end of ["teardown", "teardown", "closeSession"] as const) {
      const scheduler = await attach({}, bridge);
      await runningTask(scheduler);
      expect(await scheduler.call(end)).toMatchObject({ code: "OK" });
    }
    const leased = await attach({ ...short, expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN }, bridge);
    await leased.linked();
    leased.stop();
    const observer = cleanup.use(new BridgeClient(bridge.address));
    await eventually(async () => (await frameworkAt(observer, leased.name)) === undefined);
    expect(bridge.log().match(/^.*"level":"(?:warn|error|fatal)".*$/gm)).toBeNull();
  });

  test("a client that is back before the lease ends keeps its session, and the lease starts anew", async () => {
    const { attach } = suite();
    const first = await attach({ lease: { seconds: 2n }, expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN });
    await first.linked();
    first.stop();
    await eventually(async () => (await framework(first.name))?.leaseExpireTime);
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined, lease: { seconds: 30n } });
    expect(second.opened.linkState).toBe(LinkState.LINK_STATE_CONNECTED);
    expect((await framework(first.name))?.leaseExpireTime).toBeUndefined();
    second.stop();
    const expires = await eventually(async () => (await framework(first.name))?.leaseExpireTime);
    expect(Number(expires) - Date.now()).toBeGreaterThan(25_000);
  });

  test("a bridge that was down for longer than a lease gives the client its whole lease to come back", async () => {
    const { ownBridge, attach, cleanup } = suite();
    const bridge = await ownBridge();
    const first = await attach({ lease: { seconds: 1n }, expiryPolicy: ExpiryPolicy.EXPIRY_POLICY_TEARDOWN }, bridge);
    await first.linked();
    const observer = cleanup.use(new BridgeClient(bridge.address));
    first.stop();
    const expires = await eventually(async () => (await frameworkAt(observer, first.name))?.leaseExpireTime);
    await bridge.kill();
    await eventually(() => Date.now() > Number(expires));
    const restarted = Date.now();
    await bridge.restart();
    const [line] = await bridge.process.logged(/^.*the lease ran out.*$/m);
    expect(Date.parse(JSON.parse(line).time) - restarted).toBeGreaterThanOrEqual(1_000);
  });

  test("the master's loss makes the offers void for those who watch and who attach", async () => {
    const { attach, client, cleanup } = suite();
    const first = await attach({ frameworkInfo: frameworkInfo() });
    await first.offer();
    const watched = client.stream("watchOffers", { frameworkName: first.name });
    cleanup.defer(() => watched.cancel());
    await watched.nextAny();
    // A framework that has changed is subscribed anew: as after a loss, what was offered is void.
    const changed = frameworkInfo({ roles: [unique("changed")] });
    const second = await attach({ frameworkName: first.name, frameworkInfo: changed });
    await watched.next(({ change }) => change === OFFER_CHANGE_LOST);
    const offer = await second.mesos("offers", ({ offers }) => offers[0]?.allocationInfo?.role !== "*");
    expect(offer.offers[0]?.allocationInfo?.role).toBe(changed.roles?.[0]);
  });
});
