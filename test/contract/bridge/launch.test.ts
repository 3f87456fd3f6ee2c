import { expect, test } from "vitest";
import {
  ExecutorInfo_Type,
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../../gen/mesos/v1/mesos.js";
import { type BridgeScheduler, ids } from "../../support/bridgeScheduler.js";
import { describeBridge } from "../../support/describeBridge.js";
import { eventually } from "../../support/eventually.js";
import { frameworkInfo, launch, resources, scalar, task, unique } from "../../support/messages.js";
import type { PartialOperation } from "../../support/scheduler.js";

const cluster = { agents: 2, resources: "cpus:4;mem:2048;disk:1000" };
const { TASK_STARTING, TASK_RUNNING, TASK_FINISHED, TASK_FAILED, TASK_KILLED, TASK_ERROR, TASK_UNKNOWN } = TaskState;

/** What a client does with offers and tasks. */
describeBridge("offers and tasks over the bridge", cluster, (suite) => {
  const command = (agentId: Parameters<typeof task>[0], value: string) => task(agentId, { command: { value } });

  /** Takes and acknowledges the updates of a task up to a terminal one, and gives their states. */
  async function states(scheduler: BridgeScheduler, taskId = ""): Promise<(TaskState | undefined)[]> {
    const seen: (TaskState | undefined)[] = [];
    for (;;) {
      const { state } = await scheduler.update(taskId);
      seen.push(state);
      if (state !== TASK_STARTING && state !== TASK_RUNNING) return seen;
    }
  }

  /** An offer of each agent. */
  async function twoOffers(scheduler: BridgeScheduler) {
    const offers = await scheduler.offers();
    while (offers.length < 2) offers.push(...(await scheduler.offers()));
    return offers;
  }

  /** An offer of more than what a task of another framework has just given back. */
  async function largeOffer(scheduler: BridgeScheduler): Promise<Offer> {
    for (;;) {
      const offer = await scheduler.offer({ timeoutMs: 20_000 });
      if (scalar(offer.resources, "cpus") >= 1) return offer;
      await scheduler.ok("declineOffers", { offerIds: ids([offer]), filters: { refuseSeconds: 0 } });
    }
  }

  test("LaunchTasks: a good task runs to its end, a bad one fails", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const good = command(offer.agentId, "exit 0");
    const bad = command(offer.agentId, "exit 3");
    await scheduler.launch(offer, good, bad);
    const [ofGood, ofBad] = await Promise.all([
      states(scheduler, good.taskId?.value),
      states(scheduler, bad.taskId?.value),
    ]);
    expect(ofGood).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
    expect(ofBad).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FAILED]);
  });

  test("what a launch leaves over is declined with the filters that were given", async () => {
    const scheduler = await suite().attach();
    const [first] = await twoOffers(scheduler);
    if (!first) throw new Error("no offer");
    const offerIds = ids([first]);
    await scheduler.ok("launchTasks", {
      offerIds,
      tasks: [command(first.agentId, "sleep 60")],
      filters: { refuseSeconds: 0 },
    });
    const again = await scheduler.mesos("offers", ({ offers }) => offers[0]?.agentId?.value === first.agentId?.value);
    expect(scalar(again.offers[0]?.resources ?? [], "cpus")).toBeCloseTo(scalar(first.resources, "cpus") - 0.1, 3);
  });

  test("an offer can be used once: after that it is gone, and nothing is sent", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    await scheduler.launch(offer, command(offer.agentId, "exit 0"));
    const late = command(offer.agentId, "exit 0");
    const answer = await scheduler.call("launchTasks", { offerIds: ids([offer]), tasks: [late] });
    expect(answer).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "OFFER_GONE",
      metadata: { offer_ids: offer.id?.value },
      retryable: false,
    });
    const unknown = await scheduler.call("acceptOffers", { offerIds: [{ value: "never-made" }] });
    expect(unknown).toMatchObject({ reason: "OFFER_GONE", metadata: { offer_ids: "never-made" } });
    // Mesos would have reported it lost.
    await scheduler.ok("reconcileTasks", { tasks: [{ taskId: late.taskId ?? {} }] });
    const { state, reason } = await scheduler.update(late.taskId?.value);
    expect({ state, reason }).toEqual({ state: TASK_UNKNOWN, reason: TaskStatus_Reason.REASON_RECONCILIATION });
  });

  test("one offer of several that is gone keeps the others open", async () => {
    const scheduler = await suite().attach();
    const [first, second] = await twoOffers(scheduler);
    if (!first || !second) throw new Error("no offers");
    await scheduler.ok("declineOffers", { offerIds: ids([first]), filters: { refuseSeconds: 600 } });
    expect(await scheduler.call("acceptOffers", { offerIds: ids([first, second]) })).toMatchObject({
      reason: "OFFER_GONE",
      metadata: { offer_ids: first.id?.value },
    });
    await scheduler.launch(second, command(second.agentId, "exit 0"));
  });

  test("requests without what they need are refused, by the field's name", async () => {
    const scheduler = await suite().attach();
    const wrong = { code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" };
    const offer = await scheduler.offer();
    const offerIds = ids([offer]);
    expect(await scheduler.call("launchTasks", { offerIds })).toMatchObject(wrong);
    expect(await scheduler.call("launchTasks", { tasks: [command(offer.agentId, "exit 0")] })).toMatchObject(wrong);
    expect(await scheduler.call("declineOffers")).toMatchObject(wrong);
    expect(await scheduler.call("acceptOffers")).toMatchObject(wrong);
    expect(await scheduler.call("killTask")).toMatchObject(wrong);
    expect(await scheduler.call("sendMessage")).toMatchObject(wrong);
    expect(await scheduler.call("acknowledge")).toMatchObject(wrong);
    expect(await scheduler.call("call")).toMatchObject(wrong);
    expect((await scheduler.call("killTask")).violations[0]).toMatch(/^task_id: /);
    // None of them used the offer up.
    await scheduler.launch(offer, command(offer.agentId, "exit 0"));
  });

  test("DeclineOffers counts what is gone, and the decline holds", async () => {
    const scheduler = await suite().attach();
    const offers = await twoOffers(scheduler);
    const refuse = { filters: { refuseSeconds: 600 } };
    expect(await scheduler.ok("declineOffers", { offerIds: ids(offers.slice(0, 1)), ...refuse })).toMatchObject({
      gone: 0,
    });
    const offerIds = [...ids(offers), { value: "never-made" }];
    expect(await scheduler.ok("declineOffers", { offerIds, ...refuse })).toMatchObject({ gone: 2 });
    expect(await scheduler.ok("declineOffers", { offerIds, ...refuse })).toMatchObject({ gone: 3 });
    await scheduler.ok("reviveOffers");
    expect((await twoOffers(scheduler)).length).toBe(2);
    expect(
      scheduler.stream.received.filter(({ event }) => event?.$case === "mesos" && event.value.offers),
    ).not.toHaveLength(0);
  });

  test("SuppressOffers stops offers, ReviveOffers brings them back", async () => {
    const scheduler = await suite().attach();
    const offers = await twoOffers(scheduler);
    await scheduler.ok("suppressOffers");
    await scheduler.ok("declineOffers", { offerIds: ids(offers), filters: { refuseSeconds: 0 } });
    // Another framework of the same kind gets what this one declined, so the master has been through its rounds.
    const other = await suite().attach();
    const others = await twoOffers(other);
    await other.ok("declineOffers", { offerIds: ids(others), filters: { refuseSeconds: 600 } });
    await other.ok("suppressOffers");
    expect(
      scheduler.stream.waiting(({ event }) => event?.$case === "mesos" && event.value.offers !== undefined),
    ).toEqual([]);
    await scheduler.ok("reviveOffers");
    expect((await twoOffers(scheduler)).length).toBe(2);
  });

  test("AcceptOffers with LAUNCH_GROUP", async () => {
    const { attach, bridge } = suite();
    expect(bridge.address).not.toBe("");
    const scheduler = await attach();
    const offer = await scheduler.offer();
    const tasks = [command(offer.agentId, "exit 0"), command(offer.agentId, "exit 0")];
    await scheduler.accept(offer, [
      {
        type: Offer_Operation_Type.LAUNCH_GROUP,
        launchGroup: {
          executor: {
            type: ExecutorInfo_Type.DEFAULT,
            executorId: { value: unique("default") },
            frameworkId: { value: scheduler.frameworkId },
            resources: resources("cpus:0.1;mem:32;disk:32"),
          },
          taskGroup: { tasks },
        },
      },
    ]);
    for (const { taskId } of tasks) {
      expect(await states(scheduler, taskId?.value)).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
    }
  });

  test("AcceptOffers with RESERVE, CREATE, LAUNCH on them, then DESTROY and UNRESERVE", async () => {
    const role = unique("role");
    const { MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
    const capabilities = [MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT].map((type) => ({ type }));
    const scheduler = await suite().attach({ frameworkInfo: frameworkInfo({ roles: [role], capabilities }) });
    const offer = await scheduler.offer();
    const reservations = [{ type: Resource_ReservationInfo_Type.DYNAMIC, role }];
    const [disk] = resources("disk:64", { reservations });
    if (!disk) throw new Error("no disk");
    const persistence = { id: unique("volume") };
    const volume = { ...disk, disk: { persistence, volume: { containerPath: "data", mode: 1 } } };
    const onVolume = task(offer.agentId, {
      command: { value: "exit 0" },
      resources: [...resources("cpus:0.1;mem:32"), volume],
    });
    const { RESERVE, CREATE, DESTROY, UNRESERVE } = Offer_Operation_Type;
    const make: PartialOperation[] = [
      { type: RESERVE, reserve: { resources: [disk] } },
      { type: CREATE, create: { volumes: [volume] } },
      launch(onVolume),
    ];
    await scheduler.accept(offer, make);
    expect((await states(scheduler, onVolume.taskId?.value)).at(-1)).toBe(TASK_FINISHED);
    const withVolume = await eventually(async () => {
      const next = await scheduler.offers();
      const found = next.find((each) =>
        each.resources.some((resource) => resource.disk?.persistence?.id === persistence.id),
      );
      if (found) return found;
      await scheduler.ok("declineOffers", { offerIds: ids(next), filters: { refuseSeconds: 0 } });
      return undefined;
    });
    await scheduler.accept(withVolume, [
      { type: DESTROY, destroy: { volumes: [volume] } },
      { type: UNRESERVE, unreserve: { resources: [disk] } },
    ]);
    const without = await scheduler.mesos("offers", ({ offers }) =>
      offers.some(({ agentId }) => agentId?.value === offer.agentId?.value),
    );
    expect(without.offers.flatMap((each) => each.resources).every((each) => each.reservations.length === 0)).toBe(true);
  });

  test("a task that Mesos finds invalid is an update, not an error of the call", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const greedy = task(offer.agentId, { command: { value: "exit 0" }, resources: resources("cpus:400;mem:32") });
    await scheduler.launch(offer, greedy);
    const { status, ackToken } = await scheduler.owedUpdate(greedy.taskId?.value);
    expect(status).toMatchObject({ state: TASK_ERROR, reason: TaskStatus_Reason.REASON_TASK_INVALID });
    expect(ackToken).toBe("");
  });

  test("KillTask ends a task; of an unknown one it tells the state", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const sleeper = command(offer.agentId, "exec sleep 100");
    const taskId = sleeper.taskId ?? {};
    await scheduler.launch(offer, sleeper);
    await scheduler.updateTo(taskId.value ?? "", TASK_RUNNING);
    await scheduler.ok("killTask", {
      taskId,
      agentId: offer.agentId,
      killPolicy: { gracePeriod: { nanoseconds: 1_000_000_000n } },
    });
    await scheduler.updateTo(taskId.value ?? "", TASK_KILLED);
    await scheduler.ok("killTask", { taskId: { value: "never-launched" } });
    expect(await scheduler.update("never-launched")).toMatchObject({
      state: TASK_UNKNOWN,
      reason: TaskStatus_Reason.REASON_RECONCILIATION,
    });
  });

  test("ReconcileTasks: a known task, an unknown one, and all", async () => {
    const scheduler = await suite().attach();
    const offer = await scheduler.offer();
    const sleeper = command(offer.agentId, "exec sleep 100");
    const taskId = sleeper.taskId ?? {};
    await scheduler.launch(offer, sleeper);
    await scheduler.updateTo(taskId.value ?? "", TASK_RUNNING);
    await scheduler.ok("reconcileTasks", {
      tasks: [{ taskId, agentId: offer.agentId }, { taskId: { value: "never-launched" } }],
    });
    const known = await scheduler.owedUpdate(taskId.value);
    expect(known).toMatchObject({
      ackToken: "",
      status: {
        state: TASK_RUNNING,
        source: TaskStatus_Source.SOURCE_MASTER,
        reason: TaskStatus_Reason.REASON_RECONCILIATION,
      },
    });
    expect((await scheduler.owedUpdate("never-launched")).status.state).toBe(TASK_UNKNOWN);
    await scheduler.ok("reconcileTasks");
    expect((await scheduler.owedUpdate()).status).toMatchObject({ taskId, state: TASK_RUNNING });
  });

  test("a request that is retried is sent once", async () => {
    const { client, attach } = suite();
    const scheduler = await attach();
    const launches = client.stream("watchLaunches", { frameworkName: scheduler.name });
    await launches.connected;
    const offer = await scheduler.offer();
    const once = command(offer.agentId, "exit 0");
    const request = { offerIds: ids([offer]), tasks: [once], header: { requestId: "launch-1" } };
    const [first, second] = await Promise.all([
      scheduler.call("launchTasks", request),
      scheduler.call("launchTasks", request),
    ]);
    const third = await scheduler.call("launchTasks", request);
    expect([first.code, second.code, third.code]).toEqual(["OK", "OK", "OK"]);
    expect(await states(scheduler, once.taskId?.value)).toEqual([TASK_STARTING, TASK_RUNNING, TASK_FINISHED]);
    expect(launches.received.map(({ outcome }) => outcome)).toEqual([1, 2]);
    expect(launches.received[0]).toMatchObject({
      frameworkName: scheduler.name,
      offerIds: [{ value: offer.id?.value }],
      tasks: [{ taskId: { value: once.taskId?.value } }],
    });
    const gone = await scheduler.call("launchTasks", { ...request, header: { requestId: "launch-2" } });
    expect(gone.reason).toBe("OFFER_GONE");
    const long = await scheduler.call("reviveOffers", { header: { requestId: "x".repeat(129) } });
    expect(long).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
    launches.cancel();
  });

  test("a retry of the next client, after the first one's connection broke, is not sent again either", async () => {
    const { client, attach } = suite();
    const first = await attach();
    const launches = client.stream("watchLaunches", { frameworkName: first.name });
    await launches.connected;
    const offer = await first.offer();
    const once = command(offer.agentId, "exit 0");
    const request = { offerIds: ids([offer]), tasks: [once], header: { requestId: "launch" } };
    await first.ok("launchTasks", request);
    const second = await attach({ frameworkName: first.name, frameworkInfo: undefined });
    await second.ok("launchTasks", request);
    await states(second, once.taskId?.value);
    expect(launches.received.map(({ outcome }) => outcome)).toEqual([1, 2]);
    launches.cancel();
  });

  test("three frameworks at once, each with launches of its own", async () => {
    const { attach } = suite();
    const schedulers = await Promise.all([attach(), attach(), attach()]);
    const runOne = async (scheduler: BridgeScheduler) => {
      for (let round = 0; round < 3; round++) {
        const offer = await largeOffer(scheduler);
        const launched = [command(offer.agentId, "exit 0"), command(offer.agentId, "exit 0")];
        await scheduler.launch(offer, ...launched);
        for (const { taskId } of launched) expect((await states(scheduler, taskId?.value)).at(-1)).toBe(TASK_FINISHED);
      }
      // What it is still offered is the others'.
      await scheduler.ok("closeSession");
    };
    await Promise.all(schedulers.map(runOne));
    for (const { name, stream } of schedulers) {
      const tasks = stream.received.flatMap(({ event }) =>
        event?.$case === "mesos" && event.value.update ? [event.value.update.status?.taskId?.value] : [],
      );
      expect(new Set(tasks).size, name).toBe(6);
      const sequences = stream.received.map(({ sequence }) => sequence).filter((sequence) => sequence > 0n);
      expect(sequences).toEqual(sequences.map((_, i) => BigInt(i + 1)));
    }
  });
});
