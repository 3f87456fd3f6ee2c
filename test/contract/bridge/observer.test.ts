import { expect, test } from "vitest";
import { TaskState } from "../../../gen/mesos/v1/mesos.js";
import { LaunchOutcome, OfferChange } from "../../../gen/mesosbridge/v1/observer.js";
import { LinkState } from "../../../gen/mesosbridge/v1/scheduler.js";
import { type BridgeScheduler, ids } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { task, unique } from "../../support/messages.js";

const cluster = { agents: 2, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_STAGING, TASK_STARTING, TASK_RUNNING, TASK_FINISHED } = TaskState;

/** What those see who watch and cannot change anything. */
describeBridge("the observer service", cluster, (suite) => {
  const short = (agentId: Parameters<typeof task>[0]) => task(agentId, { command: { value: "exit 0" } });

  async function allOffers(scheduler: BridgeScheduler, count: number) {
    const offers = await scheduler.offers();
    while (offers.length < count) offers.push(...(await scheduler.offers()));
    return offers;
  }

  test("ListFrameworks, page by page, in the order of their names", async () => {
    const { attach, client } = suite();
    const schedulers = [await attach(), await attach(), await attach()];
    for (const scheduler of schedulers) await scheduler.linked();
    const names = schedulers.map(({ name }) => name).toSorted();
    const found: string[] = [];
    let pageToken = "";
    do {
      const { response } = await client.call("listFrameworks", { pageSize: 1, pageToken });
      expect(response?.frameworks.length).toBeLessThanOrEqual(1);
      found.push(...(response?.frameworks.map(({ frameworkName }) => frameworkName) ?? []));
      pageToken = response?.nextPageToken ?? "";
    } while (pageToken !== "");
    expect(found).toEqual(found.toSorted());
    expect(found.filter((name) => names.includes(name))).toEqual(names);
    const { response } = await client.call("listFrameworks", { pageSize: 1000 });
    expect(response?.nextPageToken).toBe("");
    expect(response?.frameworks.find(({ frameworkName }) => frameworkName === names[0])).toMatchObject({
      sessionOpen: true,
      attached: true,
      linkState: LinkState.LINK_STATE_CONNECTED,
      leaseExpireTime: undefined,
    });
  });

  test("lists refuse what is no page", async () => {
    const { client } = suite();
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    expect(await client.call("listFrameworks", { pageSize: -1 })).toMatchObject(wrong);
    expect(await client.call("listOffers", { pageToken: "nonsense" })).toMatchObject(wrong);
    expect(await client.call("listTasks", { frameworkName: "no-such-framework" })).toMatchObject({
      code: "NOT_FOUND",
      reason: "FRAMEWORK_NOT_FOUND",
    });
  });

  test("ListOffers shows the open offers as Mesos sent them", async () => {
    const { attach, client } = suite();
    const scheduler = await attach();
    const offers = await allOffers(scheduler, 2);
    const frameworkName = scheduler.name;
    const first = await client.call("listOffers", { frameworkName, pageSize: 1 });
    const second = await client.call("listOffers", {
      frameworkName,
      pageSize: 1,
      pageToken: first.response?.nextPageToken ?? "",
    });
    expect(second.response?.nextPageToken).toBe("");
    const listed = [first, second].flatMap(({ response }) => response?.offers ?? []);
    expect(listed.map(({ offer }) => offer?.id?.value).toSorted()).toEqual(
      ids(offers)
        .map(({ value }) => value)
        .toSorted(),
    );
    expect(listed.every((each) => each.frameworkName === frameworkName)).toBe(true);
    const byId = (id: string | undefined) => offers.find((offer) => offer.id?.value === id);
    for (const { offer } of listed) expect(offer).toEqual(byId(offer?.id?.value));
    await scheduler.ok("declineOffers", { offerIds: ids(offers), filters: { refuseSeconds: 600 } });
    expect((await client.call("listOffers", { frameworkName })).response?.offers).toEqual([]);
  });

  test("ListTasks shows tasks from their launch to their end", async () => {
    const { attach, client } = suite();
    const scheduler = await attach();
    const offer = await scheduler.offer();
    const launched = [task(offer.agentId, { command: { value: "exec sleep 100" } }), short(offer.agentId)];
    const [sleeper, ending] = launched.map(({ taskId }) => taskId?.value ?? "");
    const frameworkName = scheduler.name;
    const list = async () => (await client.call("listTasks", { frameworkName })).response?.tasks ?? [];
    await scheduler.launch(offer, ...launched);
    const early = await list();
    expect(early.map(({ taskId }) => taskId?.value).toSorted()).toEqual([sleeper, ending].toSorted());
    for (const { status, agentId } of early) {
      expect([TASK_STAGING, TASK_STARTING]).toContain(status?.state);
      expect(agentId).toEqual(offer.agentId);
    }
    await scheduler.updateTo(sleeper ?? "", TASK_RUNNING);
    await scheduler.updateTo(ending ?? "", TASK_FINISHED);
    const late = Object.fromEntries((await list()).map(({ taskId, status }) => [taskId?.value, status?.state]));
    expect(late).toEqual({ [sleeper ?? ""]: TASK_RUNNING, [ending ?? ""]: TASK_FINISHED });
  });

  test("WatchOffers: the open ones, then what becomes of them", async () => {
    const { attach, client, cleanup } = suite();
    const scheduler = await attach();
    const offers = await allOffers(scheduler, 2);
    const watched = client.stream("watchOffers", { frameworkName: scheduler.name });
    cleanup.defer(() => watched.cancel());
    const all = client.stream("watchOffers", {});
    cleanup.defer(() => all.cancel());
    const whole = client.wholeStream("watchOffers", { frameworkName: scheduler.name });
    cleanup.defer(() => whole.cancel());
    await whole.next(({ progress }) => progress?.snapshotEnd === true);
    const before = whole.received.slice(0, -1).flatMap(({ offers: shown }) => ids(shown));
    expect(before.map(({ value }) => value).toSorted()).toEqual(
      ids(offers)
        .map(({ value }) => value)
        .toSorted(),
    );
    const open = await watched.nextAny();
    expect(open).toMatchObject({ frameworkName: scheduler.name, change: OfferChange.OFFER_CHANGE_OPENED });
    expect(
      ids(open.offers)
        .map(({ value }) => value)
        .toSorted(),
    ).toEqual(
      ids(offers)
        .map(({ value }) => value)
        .toSorted(),
    );
    const [first, second] = offers;
    if (!first || !second) throw new Error("no offers");
    await scheduler.ok("declineOffers", { offerIds: ids([second]), filters: { refuseSeconds: 600 } });
    expect(await watched.nextAny()).toMatchObject({
      change: OfferChange.OFFER_CHANGE_DECLINED,
      offerIds: ids([second]),
    });
    await scheduler.ok("launchTasks", {
      offerIds: ids([first]),
      tasks: [short(first.agentId)],
      filters: { refuseSeconds: 600 },
    });
    expect(await watched.nextAny()).toMatchObject({
      change: OfferChange.OFFER_CHANGE_ACCEPTED,
      offerIds: ids([first]),
    });
    await scheduler.ok("reviveOffers");
    expect(await watched.nextAny()).toMatchObject({ change: OfferChange.OFFER_CHANGE_OPENED });
    await scheduler.ok("teardown");
    await watched.next(({ change }) => change === OfferChange.OFFER_CHANGE_LOST);
    await all.next(
      ({ frameworkName, change }) => frameworkName === scheduler.name && change === OfferChange.OFFER_CHANGE_LOST,
    );
  });

  test("WatchLaunches, WatchStatusUpdates and WatchEvents follow a task", async () => {
    const { attach, client, cleanup } = suite();
    const scheduler = await attach();
    const other = await attach();
    const frameworkName = scheduler.name;
    const launches = client.stream("watchLaunches", { frameworkName });
    const updates = client.stream("watchStatusUpdates", { frameworkName });
    const events = client.stream("watchEvents", { frameworkName });
    for (const stream of [launches, updates, events]) cleanup.defer(() => stream.cancel());
    const offer = await scheduler.offer();
    const launched = short(offer.agentId);
    const taskId = launched.taskId?.value ?? "";
    const typed = client.stream("watchEvents", { frameworkName, types: ["UPDATE"], taskId: { value: taskId } });
    const elsewhere = client.stream("watchEvents", { frameworkName, agentId: { value: "elsewhere" } });
    for (const stream of [typed, elsewhere]) cleanup.defer(() => stream.cancel());
    await Promise.all([launches, updates, typed, elsewhere].map(({ connected }) => connected));
    await scheduler.launch(offer, launched);
    await other.offer();
    const { ackToken } = await scheduler.owedUpdate(taskId);
    await scheduler.ok("acknowledge", { ackTokens: [ackToken] });
    await scheduler.updateTo(taskId, TASK_FINISHED);
    const { LAUNCH_OUTCOME_SENT, LAUNCH_OUTCOME_ACCEPTED } = LaunchOutcome;
    for (const outcome of [LAUNCH_OUTCOME_SENT, LAUNCH_OUTCOME_ACCEPTED]) {
      expect(await launches.nextAny()).toMatchObject({
        frameworkName,
        outcome,
        offerIds: ids([offer]),
        tasks: [{ taskId: { value: taskId } }],
      });
    }
    for (const state of [TASK_STARTING, TASK_RUNNING, TASK_FINISHED]) {
      expect((await updates.nextAny()).status).toMatchObject({ state, taskId: { value: taskId } });
      const { event } = await typed.nextAny();
      expect(event?.event).toMatchObject({ $case: "mesos", value: { update: { status: { state } } } });
      // Only the client acknowledges.
      expect(event?.ackToken).toBe("");
    }
    const kinds = events.received.map(({ event }) => event?.event?.$case);
    expect(kinds).toContain("mesos");
    expect(events.received.every((each) => each.frameworkName === frameworkName)).toBe(true);
    expect(elsewhere.received).toEqual([]);
  });

  test("WatchEvents goes back to a sequence, as far as the bridge holds events", async () => {
    const { attach, client, cleanup } = suite();
    const scheduler = await attach();
    const frameworkName = scheduler.name;
    const offer = await scheduler.offer();
    const launched = short(offer.agentId);
    await scheduler.launch(offer, launched);
    await scheduler.updateTo(launched.taskId?.value ?? "", TASK_FINISHED);
    const watched = client.stream("watchEvents", { frameworkName, afterSequence: 1n });
    cleanup.defer(() => watched.cancel());
    const whole = client.wholeStream("watchEvents", { frameworkName, afterSequence: 1n });
    cleanup.defer(() => whole.cancel());
    await watched.next(
      ({ event }) => event?.event?.$case === "mesos" && event.event.value.update?.status?.state === TASK_FINISHED,
    );
    const sequences = watched.received.map(({ event }) => event?.sequence);
    expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 2)));
    const live = scheduler.stream.received.filter(({ sequence }) => sequence >= 2n);
    for (const [i, { event }] of watched.received.entries()) {
      expect(event).toEqual({ ...live[i], ackToken: "" });
    }
    // What was there before, that this was all, and then what happens.
    await whole.next(({ progress }) => progress?.snapshotEnd === true);
    const missed = whole.received.length - 1;
    expect(missed).toBeGreaterThanOrEqual(sequences.length);
    // Mesos answers what it is asked about a task.
    const asked = { value: unique("asked") };
    await scheduler.ok("reconcileTasks", { tasks: [{ taskId: asked }] });
    await whole.next(
      ({ event }) => event?.event?.$case === "mesos" && event.event.value.update?.status?.taskId?.value === asked.value,
    );
    expect(whole.received.flatMap(({ event }) => event?.sequence ?? [])).toEqual(
      whole.received.slice(1).map((_, i) => BigInt(i + 2)),
    );
    expect(whole.received.filter(({ progress }) => progress !== undefined)).toEqual([whole.received[missed]]);
  });

  test("WatchEvents refuses what it can't filter by", async () => {
    const { client } = suite();
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    expect(await client.stream("watchEvents", { types: ["NONSENSE"] }).ending()).toMatchObject({
      ...wrong,
      message: expect.stringContaining("UPDATE"),
    });
    expect(await client.stream("watchEvents", { afterSequence: 1n }).ending()).toMatchObject(wrong);
    const unknown = client.stream("watchEvents", { frameworkName: "no-such-framework", afterSequence: 1n });
    expect(await unknown.ending()).toMatchObject({ code: "NOT_FOUND", reason: "FRAMEWORK_NOT_FOUND" });
  });

  test("observers are told when the bridge ends", async () => {
    const { ownBridge, attach } = suite();
    const bridge = await ownBridge();
    const scheduler = await attach({}, bridge);
    const watched = scheduler.client.stream("watchEvents", {});
    await scheduler.linked();
    const ending = watched.ending();
    await bridge.terminate();
    expect(await ending).toMatchObject({ code: "UNAVAILABLE", reason: "BRIDGE_SHUTTING_DOWN", retryable: true });
  });
});
