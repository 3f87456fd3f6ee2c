import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { Call, Call_Type } from "../../gen/mesos/v1/master/master.js";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  OperationState,
  Resource_ReservationInfo_Type,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../support/cleanup.js";
import { describeEachMesos } from "../support/cluster.js";
import { type MessageClass, protobuf } from "../support/codec.js";
import { DrainingOperator } from "../support/draining.js";
import { eventually } from "../support/eventually.js";
import { ExecutorHost, MesosExecutor } from "../support/executor.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, type PartialTask, resources, task, unique } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo } from "../support/scheduler.js";

const { MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT, TASK_KILLING_STATE } = FrameworkInfo_Capability_Type;
const { TASK_RUNNING, TASK_STARTING, TASK_KILLING, TASK_KILLED, TASK_FINISHED, TASK_FAILED } = TaskState;
const { TASK_GONE_BY_OPERATOR, TASK_DROPPED } = TaskState;
const { REASON_AGENT_DRAINING } = TaskStatus_Reason;
const { SOURCE_AGENT, SOURCE_EXECUTOR } = TaskStatus_Source;

const flags = { allocation_interval: "100ms", executor_shutdown_grace_period: "2secs" };
const cluster = { agents: 4, resources: "cpus:4;mem:1024;disk:512", flags };
const GRACE = { max_grace_period: { seconds: 2, nanos: 500_000_000 } };
const GRACE_NS = 2_500_000_000;
const OK = { status: 200, text: "" };
const refused = (text: string) => ({ status: 400, text });

const idOf = ({ agentId }: Offer) => agentId?.value ?? "";

/** The newest offer of the agent, if it was neither rescinded nor accepted. */
async function standingOffer({ stream }: MesosScheduler, agentId: string): Promise<Offer> {
  const newest = () => {
    const events = stream.received.map(({ event }) => event);
    const rescinded = new Set(events.map(({ rescind }) => rescind?.offerId?.value));
    const offer = events.flatMap(({ offers }) => offers?.offers.filter((each) => idOf(each) === agentId) ?? []).at(-1);
    return offer && !rescinded.has(offer.id?.value) && !accepted.has(offer.id?.value) ? offer : undefined;
  };
  const offer = await eventually(newest, { what: `an offer of ${agentId}` });
  accepted.add(offer.id?.value);
  return offer;
}
const accepted = new Set<string | undefined>();

/** Gone agents don't come back: what takes one away has a cluster of its own. */
describeEachMesos("an agent that an operator takes out of service", cluster, (mesos) => {
  const cleanup = new Cleanup();
  const operator = () => new DrainingOperator(mesos());
  afterEach(async () => {
    await cleanup.run();
    await operator().reset();
  });

  async function drained(agentId: string, options = {}): Promise<void> {
    expect(await operator().drain(agentId, options)).toMatchObject(OK);
  }

  async function subscribe(more: PartialFrameworkInfo = {}): Promise<MesosScheduler> {
    const scheduler = cleanup.use(new MesosScheduler(mesos()));
    await scheduler.subscribe(frameworkInfo(more));
    cleanup.defer(() => scheduler.call("TEARDOWN"));
    return scheduler;
  }

  /** Tasks on one executor of the framework's own, which has all of them. */
  async function running(scheduler: MesosScheduler, ...more: Partial<PartialTask>[]) {
    const host = cleanup.use(await ExecutorHost.start());
    const offer = await scheduler.offer();
    const executor = host.info(unique("executor"));
    const tasks = more.map((each) => task(offer.agentId, { executor, ...each }));
    accepted.add(offer.id?.value);
    await scheduler.accept([offer], [launch(...tasks)], 0);
    const process = await host.process(executor.executorId?.value ?? "");
    const client = cleanup.use(MesosExecutor.of(process));
    await client.subscribe();
    const ids = tasks.map(({ taskId }) => ({ value: taskId?.value ?? "" }));
    for (const id of ids) {
      await client.stream.nextWhere("launch", ({ task: launched }) => launched?.taskId?.value === id.value);
      await client.update(id, TASK_RUNNING);
      expect((await scheduler.update(id.value)).state).toBe(TASK_RUNNING);
    }
    return { agentId: idOf(offer), process, executor: client, ids, info: executor };
  }

  const kill = async (executor: MesosExecutor, taskId: { value: string }) =>
    (await executor.stream.nextWhere("kill", (event) => event.taskId?.value === taskId.value)).killPolicy;

  test.each([
    ["DRAIN_AGENT", "drain_agent", "Unknown agent"],
    ["DEACTIVATE_AGENT", "deactivate_agent", "Unknown agent"],
    ["REACTIVATE_AGENT", "reactivate_agent", "Agent is not deactivated"],
  ])("%s names an agent that there is", async (type, part, unknown) => {
    const call = (body?: object) => operator().call({ type, ...(body && { [part]: body }) });
    expect(await call()).toMatchObject(refused(`Failed to validate master::Call: Expecting '${part}' to be present`));
    const missing = `Failed to convert JSON into Call protobuf: Missing required fields: ${part}.agent_id`;
    expect(await call({})).toMatchObject(refused(missing));
    expect(await call({ agent_id: {} })).toMatchObject(refused(`${missing}.value`));
    expect(await call({ agent_id: { value: "nobody" } })).toMatchObject(refused(unknown));
  });

  test("an empty one is drained at once, and back in service when it is reactivated", async () => {
    const scheduler = await subscribe();
    const offer = await scheduler.offer();
    const agentId = idOf(offer);
    const { master } = mesos();
    await drained(agentId, GRACE);
    expect((await scheduler.stream.next("rescind")).offerId).toEqual(offer.id);
    const config = { max_grace_period: { nanoseconds: GRACE_NS }, mark_gone: false };
    const drainInfo = { state: "DRAINED", config };
    const described = await operator().inState(agentId, "DRAINED");
    expect(described).toMatchObject({ active: false, deactivated: true, drain_info: drainInfo });
    const start = described.estimated_drain_start_time?.nanoseconds ?? 0;
    expect(start % 1e9).toBe(0);
    expect(Math.abs(start / 1e6 - Date.now())).toBeLessThan(60_000);
    for (const path of ["/state", "/slaves", "/state-summary"]) {
      const { slaves } = (await getJson(`${master}/master${path}`)) as { slaves: { id: string }[] };
      const [seen] = slaves.filter(({ id }) => id === agentId);
      expect(seen).toMatchObject({ active: false, deactivated: true, drain_info: drainInfo });
      const { estimated_drain_start_time_seconds: seconds } = seen as { estimated_drain_start_time_seconds?: number };
      expect(Math.floor(seconds ?? 0)).toBe(start / 1e9);
    }
    expect(await getJson(`${master}/master/state`)).toMatchObject({ activated_slaves: 3, deactivated_slaves: 1 });
    expect(await getJson(`${master}/metrics/snapshot`)).toMatchObject({
      "master/slaves_active": 3,
      "master/slaves_inactive": 1,
      "master/slaves_connected": 4,
    });
    // Its agent had nothing to do, and does not remember.
    expect(await operator().stateOf(agentId)).not.toHaveProperty("drain_config");
    expect(await operator().reactivate(agentId)).toMatchObject(OK);
    const { text } = await operator().call({ type: "GET_AGENTS" });
    expect(text).not.toContain("drain_info");
    expect(text).not.toContain("estimated_drain_start_time");
    await scheduler.stream.nextWhere("offers", ({ offers }) => offers.some((each) => idOf(each) === agentId));
    expect(await operator().reactivate(agentId)).toMatchObject(refused("Agent is not deactivated"));
  });

  test("it gets no offers, whoever wants some", async () => {
    const scheduler = await subscribe();
    const agentId = idOf(await scheduler.offer());
    await drained(agentId);
    await scheduler.send("REVIVE");
    const late = await subscribe();
    await scheduler.send("TEARDOWN");
    const seen = () => late.stream.received.flatMap(({ event }) => event.offers?.offers ?? []).map(idOf);
    await eventually(() => new Set(seen()).size === 3, { what: "offers of the three others" });
    expect(seen()).not.toContain(agentId);
  });

  test("a deactivated one keeps its tasks, and may be drained later", async () => {
    const scheduler = await subscribe();
    const { agentId, executor, ids } = await running(scheduler, {});
    const mine = await standingOffer(scheduler, agentId);
    expect(await operator().deactivate(agentId)).toMatchObject(OK);
    await scheduler.stream.nextWhere("rescind", ({ offerId }) => offerId?.value === mine.id?.value);
    expect(await operator().agent(agentId)).toMatchObject({ active: false, deactivated: true });
    expect(await operator().agent(agentId)).not.toHaveProperty("drain_info");
    expect(await operator().deactivate(agentId)).toMatchObject(OK);
    await executor.update(ids[0], TASK_RUNNING, { healthy: true });
    expect(await scheduler.update()).toMatchObject({ state: TASK_RUNNING, healthy: true });
    await drained(agentId);
    expect(await kill(executor, ids[0] ?? { value: "" })).toBeUndefined();
    // Deactivating it does not end the drain.
    expect(await operator().deactivate(agentId)).toMatchObject(OK);
    await executor.update(ids[0], TASK_KILLED);
    expect(await scheduler.update()).toMatchObject({ state: TASK_KILLED, reason: REASON_AGENT_DRAINING });
    await operator().inState(agentId, "DRAINED");
    expect(await operator().deactivate(agentId)).toMatchObject(OK);
    expect(await operator().agent(agentId)).toMatchObject({ drain_info: { state: "DRAINED" } });
  });

  test("an offer of it that is accepted is no longer valid", async () => {
    const scheduler = await subscribe();
    const offer = await scheduler.offer();
    await drained(idOf(offer));
    await scheduler.stream.next("rescind");
    const launched = task(offer.agentId, { command: { value: "true" } });
    await scheduler.accept([offer], [launch(launched)], 0);
    expect(await scheduler.update(launched.taskId?.value)).toMatchObject({
      state: TASK_DROPPED,
      reason: TaskStatus_Reason.REASON_INVALID_OFFERS,
      message: `Task launched with invalid offers: Offer ${offer.id?.value} is no longer valid`,
    });
  });

  test("tasks are killed within the shorter of their own time and the operator's, again with each call", async () => {
    const scheduler = await subscribe();
    const own = (nanoseconds: bigint) => ({ killPolicy: { gracePeriod: { nanoseconds } } });
    const { agentId, executor, ids } = await running(
      scheduler,
      {},
      own(BigInt(GRACE_NS) - 1n),
      own(BigInt(GRACE_NS)),
      own(BigInt(GRACE_NS) + 1n),
    );
    const policies = async () => {
      const times: (bigint | undefined)[] = [];
      for (const id of ids) times.push((await kill(executor, id))?.gracePeriod?.nanoseconds);
      return times;
    };
    await drained(agentId, GRACE);
    expect(await policies()).toEqual([BigInt(GRACE_NS), undefined, undefined, BigInt(GRACE_NS)]);
    expect(await operator().stateOf(agentId)).toMatchObject({
      drain_config: { max_grace_period: { nanoseconds: GRACE_NS }, mark_gone: false },
      estimated_drain_start_time_seconds: expect.any(Number),
    });
    expect(await operator().drain(agentId, { max_grace_period: { seconds: -1 } })).toMatchObject(OK);
    expect(await policies()).toEqual(ids.map(() => -1_000_000_000n));
    expect(await operator().drain(agentId)).toMatchObject(OK);
    expect(await policies()).toEqual(ids.map(() => undefined));
    expect(await operator().stateOf(agentId)).toMatchObject({ drain_config: { mark_gone: false } });
    for (const id of ids) await executor.update(id, TASK_KILLED);
    for (const id of ids) await scheduler.update(id.value);
  });

  test.each<[string, { seconds?: number | string; nanos?: number }, number]>([
    ["nothing", {}, 0],
    ["a number as text", { seconds: "5" }, 5_000_000_000],
    ["parts of different signs", { seconds: -1, nanos: 500 }, -999_999_500],
    ["more than 64 bits hold", { seconds: 1e10 }, Number(-8_446_744_073_709_551_616n)],
  ])("max_grace_period may be %s", async (_, time, nanoseconds) => {
    const scheduler = await subscribe();
    const agentId = idOf(await scheduler.offer());
    await drained(agentId, { max_grace_period: time });
    const { drain_info } = await operator().inState(agentId, "DRAINED");
    expect(drain_info?.config).toEqual({ max_grace_period: { nanoseconds }, mark_gone: false });
  });

  test("max_grace_period is no text", async () => {
    const call = { agent_id: { value: "any" }, max_grace_period: "5s" };
    const text = "Failed to convert JSON into Call protobuf: Not expecting a JSON string for field 'max_grace_period'";
    expect(await operator().call({ type: "DRAIN_AGENT", drain_agent: call })).toMatchObject(refused(text));
  });

  test("takes protobuf", async () => {
    const agentId = idOf(await (await subscribe()).offer());
    const drainAgent = { agentId: { value: agentId }, maxGracePeriod: { seconds: 3n, nanos: 7 }, markGone: false };
    const call = Call.fromPartial({ type: Call_Type.DRAIN_AGENT, drainAgent });
    const headers = { "Content-Type": protobuf.mediaType, Accept: protobuf.mediaType };
    const body = protobuf.encode(Call as MessageClass<Call>, call);
    expect(await send(`${mesos().master}/api/v1`, { headers, body })).toMatchObject(OK);
    const { drain_info } = await operator().inState(agentId, "DRAINED");
    expect(drain_info?.config.max_grace_period).toEqual({ nanoseconds: 3_000_000_007 });
  });

  test("what ends because of it has its reason; what ends otherwise has its own", async () => {
    const scheduler = await subscribe();
    const { agentId, executor, process, ids } = await running(scheduler, {}, {}, {}, {});
    const [killed, finished, failed, left] = ids;
    await drained(agentId);
    const reason = TaskStatus_Reason.REASON_TASK_KILLED_DURING_LAUNCH;
    await executor.update(killed, TASK_KILLING);
    expect(await scheduler.update()).toMatchObject({ state: TASK_KILLING, reason: REASON_AGENT_DRAINING });
    await executor.update(killed, TASK_KILLED, { reason, message: "its own" });
    const status = { state: TASK_KILLED, reason: REASON_AGENT_DRAINING, message: "its own", source: SOURCE_EXECUTOR };
    expect(await scheduler.update()).toMatchObject(status);
    await executor.update(finished, TASK_FINISHED);
    expect((await scheduler.update(finished?.value)).reason).toBeUndefined();
    await executor.update(failed, TASK_FAILED);
    expect((await scheduler.update(failed?.value)).reason).toBeUndefined();
    expect(await operator().agent(agentId)).toMatchObject({ drain_info: { state: "DRAINING" } });
    expect(await operator().reactivate(agentId)).toMatchObject(refused("Agent is still in the DRAINING state"));
    process.exit(0);
    const lost = { state: TASK_FAILED, reason: TaskStatus_Reason.REASON_EXECUTOR_TERMINATED, source: SOURCE_AGENT };
    expect(await scheduler.update(left?.value)).toMatchObject({ ...lost, message: "Executor terminated" });
    await operator().inState(agentId, "DRAINED");
    await eventually(async () => !("drain_config" in (await operator().stateOf(agentId))), { what: "the end" });
  });

  test("a command task is killed as by a scheduler", async () => {
    const scheduler = await subscribe();
    const directory = await cleanup.tempDir();
    const offer = await scheduler.offer();
    const stubborn = task(offer.agentId, {
      command: { value: `trap '' TERM; touch ${directory}/ready; while true; do sleep 0.1; done` },
      killPolicy: { gracePeriod: { nanoseconds: 3_600_000_000_000n } },
    });
    await scheduler.accept([offer], [launch(stubborn)], 0);
    expect((await scheduler.update()).state).toBe(TASK_STARTING);
    expect((await scheduler.update()).state).toBe(TASK_RUNNING);
    await eventually(() => existsSync(join(directory, "ready")), { what: "the task" });
    await drained(idOf(offer), { max_grace_period: { nanos: 200_000_000 } });
    expect(await scheduler.update()).toMatchObject({
      state: TASK_KILLED,
      reason: REASON_AGENT_DRAINING,
      source: SOURCE_EXECUTOR,
      message: expect.stringMatching(/^Command terminated with signal (9|Killed)$/),
    });
    await operator().inState(idOf(offer), "DRAINED");
  });

  test("is not drained before all is acknowledged", async () => {
    const scheduler = await subscribe();
    const { agentId, executor, process, ids } = await running(scheduler, {});
    await drained(agentId);
    await executor.update(ids[0], TASK_KILLED);
    const status = await scheduler.update(ids[0]?.value, { acknowledge: false });
    process.exit(0);
    await process.gone;
    expect(await operator().agent(agentId)).toMatchObject({ drain_info: { state: "DRAINING" } });
    expect(await operator().stateOf(agentId)).toHaveProperty("drain_config");
    await scheduler.acknowledge(status);
    await operator().inState(agentId, "DRAINED");
  });

  test("is not drained before operations are acknowledged", async () => {
    const capabilities = [MULTI_ROLE, PARTITION_AWARE, RESERVATION_REFINEMENT].map((type) => ({ type }));
    const scheduler = await subscribe({ roles: ["drained"], capabilities });
    const offer = await scheduler.offer();
    const reservation = { type: Resource_ReservationInfo_Type.DYNAMIC, role: "drained" };
    const reserve = { resources: resources("disk:16", { reservations: [reservation] }) };
    const operationId = { value: unique("operation") };
    await scheduler.accept([offer], [{ type: Offer_Operation_Type.RESERVE, id: operationId, reserve }], 0);
    const { status } = await scheduler.stream.next("updateOperationStatus");
    expect(status?.state).toBe(OperationState.OPERATION_FINISHED);
    await drained(idOf(offer));
    expect(await operator().agent(idOf(offer))).toMatchObject({ drain_info: { state: "DRAINING" } });
    expect(await operator().stateOf(idOf(offer))).toHaveProperty("drain_config");
    const acknowledged = { agentId: offer.agentId, operationId, uuid: status?.uuid?.value ?? Buffer.alloc(0) };
    await scheduler.send("ACKNOWLEDGE_OPERATION_STATUS", { acknowledgeOperationStatus: acknowledged });
    await operator().inState(idOf(offer), "DRAINED");
    await eventually(async () => !("drain_config" in (await operator().stateOf(idOf(offer)))), { what: "the end" });
  });

  test("tasks that wait for their executor are killed before they reach it", async () => {
    const scheduler = await subscribe();
    const host = cleanup.use(await ExecutorHost.start());
    const offer = await scheduler.offer();
    const executor = host.info(unique("executor"));
    const tasks = [task(offer.agentId, { executor }), task(offer.agentId, { executor })];
    await scheduler.accept([offer], [launch(...tasks)], 0);
    const process = await host.process(executor.executorId?.value ?? "");
    await drained(idOf(offer), GRACE);
    for (const { taskId } of tasks) {
      expect(await scheduler.update(taskId?.value)).toMatchObject({
        state: TASK_KILLED,
        reason: REASON_AGENT_DRAINING,
        source: SOURCE_AGENT,
        message: "Killed before delivery to the executor",
      });
    }
    await operator().inState(idOf(offer), "DRAINED");
    const client = cleanup.use(MesosExecutor.of(process));
    await client.open();
    await client.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
  });

  test("one that is back in service before its last executor ended drops what is launched", async () => {
    const scheduler = await subscribe();
    const { agentId, executor, process, ids, info } = await running(scheduler, {});
    await drained(agentId);
    await executor.update(ids[0], TASK_KILLED);
    await scheduler.update(ids[0]?.value);
    await operator().inState(agentId, "DRAINED");
    expect(await operator().reactivate(agentId)).toMatchObject(OK);
    const host = cleanup.use(await ExecutorHost.start());
    const message = "Task was received while agent was already draining";
    const dropped = { state: TASK_DROPPED, reason: REASON_AGENT_DRAINING, source: SOURCE_AGENT, message };
    const another = host.info(unique("executor"));
    for (const how of [{ executor: info }, { executor: another }, { command: { value: "true" } }]) {
      const launched = task({ value: agentId }, how);
      await scheduler.accept([await standingOffer(scheduler, agentId)], [launch(launched)], 0);
      expect(await scheduler.update(launched.taskId?.value)).toMatchObject(dropped);
    }
    expect(await scheduler.stream.next("failure")).toMatchObject({
      agentId: { value: agentId },
      executorId: another.executorId,
      status: -1,
    });
    process.exit(0);
    await scheduler.stream.next("failure");
    await eventually(async () => !("drain_config" in (await operator().stateOf(agentId))), { what: "the end" });
    const launched = task({ value: agentId }, { command: { value: "true" } });
    await scheduler.accept([await standingOffer(scheduler, agentId)], [launch(launched)], 0);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TASK_STARTING);
  });

  test("updates wait for a framework that is away", async () => {
    const scheduler = await subscribe();
    const { agentId, executor, ids } = await running(scheduler, {});
    scheduler.stop();
    await drained(agentId);
    await executor.update(ids[0], TASK_KILLED);
    await executor.stream.next("acknowledged");
    expect(await operator().agent(agentId)).toMatchObject({ drain_info: { state: "DRAINING" } });
    const back = await subscribe({ id: { value: scheduler.frameworkId ?? "" } });
    expect(await back.update()).toMatchObject({ state: TASK_KILLED, reason: REASON_AGENT_DRAINING });
    await operator().inState(agentId, "DRAINED");
  });

  test("inverse offers of it are rescinded, and come again with its offers", async () => {
    const { master } = mesos();
    const schedule = (windows: object[]) =>
      send(`${master}/maintenance/schedule`, { body: JSON.stringify({ windows }) });
    cleanup.defer(() => schedule([]));
    const scheduler = await subscribe();
    const agentId = idOf(await scheduler.offer());
    const { slaves } = (await getJson(`${master}/slaves`)) as { slaves: { hostname: string }[] };
    const machine = { hostname: slaves[0]?.hostname.toUpperCase(), ip: "127.0.0.1" };
    const start = { nanoseconds: 1_900_000_000_000_000_000 };
    expect(await schedule([{ machine_ids: [machine], unavailability: { start } }])).toMatchObject(OK);
    const inverse = async () => {
      const isIt = (offer: { agentId?: { value?: string | undefined } | undefined }) =>
        offer.agentId?.value === agentId;
      const { inverseOffers } = await scheduler.stream.nextWhere("inverseOffers", (event) =>
        event.inverseOffers.some(isIt),
      );
      return inverseOffers.find(isIt);
    };
    const before = await inverse();
    const scheduled = `Agent ${agentId} is part of a maintenance schedule under Machine ${machine.hostname} (127.0.0.1)`;
    expect(await operator().drain(agentId)).toMatchObject(refused(scheduled));
    expect(await operator().deactivate(agentId)).toMatchObject(OK);
    const isIt = ({ inverseOfferId }: { inverseOfferId?: { value?: string | undefined } | undefined }) =>
      inverseOfferId?.value === before?.id?.value;
    await scheduler.stream.nextWhere("rescindInverseOffer", isIt);
    expect(await operator().reactivate(agentId)).toMatchObject(OK);
    expect((await inverse())?.id).not.toEqual(before?.id);
  });

  test("nobody looks whether it is drained when the framework of its last task is removed", async () => {
    const scheduler = await subscribe();
    const { agentId } = await running(scheduler, {});
    await drained(agentId);
    await scheduler.send("TEARDOWN");
    await eventually(async () => !("drain_config" in (await operator().stateOf(agentId))), { what: "the end" });
    expect(await operator().agent(agentId)).toMatchObject({ drain_info: { state: "DRAINING" } });
    await drained(agentId);
    await operator().inState(agentId, "DRAINED");
  });

  describe("without PARTITION_AWARE", () => {
    test("tasks are killed all the same, and dropped ones are lost", async () => {
      const scheduler = await subscribe({ capabilities: [{ type: MULTI_ROLE }, { type: TASK_KILLING_STATE }] });
      const { agentId, executor, ids, info } = await running(scheduler, {});
      await drained(agentId);
      await executor.update(ids[0], TASK_KILLED);
      expect(await scheduler.update()).toMatchObject({ state: TASK_KILLED, reason: REASON_AGENT_DRAINING });
      await operator().inState(agentId, "DRAINED");
      expect(await operator().reactivate(agentId)).toMatchObject(OK);
      await scheduler.accept(
        [await standingOffer(scheduler, agentId)],
        [launch(task({ value: agentId }, { executor: info }))],
        0,
      );
      expect(await scheduler.update()).toMatchObject({ state: TaskState.TASK_LOST, reason: REASON_AGENT_DRAINING });
    });
  });
});

describeEachMesos("an agent that is to be given up once it is drained", cluster, (mesos) => {
  const cleanup = new Cleanup();
  const operator = () => new DrainingOperator(mesos());
  afterEach(() => cleanup.run());

  test.each([
    ["with", [TASK_GONE_BY_OPERATOR, TASK_GONE_BY_OPERATOR], [MULTI_ROLE, PARTITION_AWARE, TASK_KILLING_STATE]],
    ["without", [TASK_KILLING, TASK_KILLED], [MULTI_ROLE, TASK_KILLING_STATE]],
  ])("is marked gone, and what becomes of its tasks %s PARTITION_AWARE", async (_, [killing, killed], types) => {
    const scheduler = cleanup.use(new MesosScheduler(mesos()));
    await scheduler.subscribe(frameworkInfo({ capabilities: types.map((type) => ({ type })) }));
    const host = cleanup.use(await ExecutorHost.start());
    const offer = await scheduler.offer();
    const agentId = idOf(offer);
    const info = host.info(unique("executor"));
    const [first, second, third] = [1, 2, 3].map(() => task(offer.agentId, { executor: info }));
    await scheduler.accept([offer], [launch(first ?? {}, second ?? {}, third ?? {})], 0);
    const process = await host.process(info.executorId?.value ?? "");
    const executor = cleanup.use(MesosExecutor.of(process));
    await executor.subscribe();
    const report = async (one: PartialTask | undefined, state: TaskState) => {
      const taskId = { value: one?.taskId?.value ?? "" };
      await executor.update(taskId, state, { message: "its own" });
      return scheduler.update(taskId.value);
    };
    for (const one of [first, second, third]) {
      await executor.stream.nextWhere("launch", ({ task: each }) => each?.taskId?.value === one?.taskId?.value);
      await report(one, TASK_RUNNING);
    }
    expect(await operator().drain(agentId, { ...GRACE, mark_gone: true })).toMatchObject(OK);
    expect(await operator().agent(agentId)).toMatchObject({
      drain_info: { state: "DRAINING", config: { max_grace_period: { nanoseconds: GRACE_NS }, mark_gone: true } },
    });
    const of = { reason: REASON_AGENT_DRAINING, source: SOURCE_EXECUTOR, message: "its own" };
    expect(await report(first, TASK_KILLING)).toMatchObject({ ...of, state: killing });
    expect(await report(first, TASK_KILLED)).toMatchObject({ ...of, state: killed });
    expect((await report(second, TASK_FAILED)).reason).toBeUndefined();
    expect(await operator().agent(agentId)).toBeDefined();
    expect((await report(third, TASK_FINISHED)).reason).toBeUndefined();
    await executor.stream.take(({ type }) => type === Event_Type.SHUTDOWN, { what: "SHUTDOWN" });
    await scheduler.stream.nextWhere("failure", (event) => event.agentId?.value === agentId);
    expect(await operator().agent(agentId)).toBeUndefined();
    expect(await operator().drain(agentId)).toMatchObject(refused("Unknown agent"));
    expect(await operator().deactivate(agentId)).toMatchObject(refused("Unknown agent"));
    expect(await operator().markGone(agentId)).toMatchObject(OK);
    expect(await operator().reactivate(agentId)).toMatchObject(refused("Agent is still in the DRAINING state"));
  });

  test("a drained one that is marked gone later is not there for REACTIVATE_AGENT", async () => {
    const scheduler = cleanup.use(new MesosScheduler(mesos()));
    await scheduler.subscribe(frameworkInfo());
    const agentId = idOf(await scheduler.offer());
    expect(await operator().drain(agentId)).toMatchObject(OK);
    await operator().inState(agentId, "DRAINED");
    expect(await operator().markGone(agentId)).toMatchObject(OK);
    await scheduler.stream.nextWhere("failure", (event) => event.agentId?.value === agentId);
    const conflict = { status: 409, text: "Agent removed while processing the call" };
    expect(await operator().reactivate(agentId)).toMatchObject(conflict);
    expect(await operator().reactivate(agentId)).toMatchObject(refused("Agent is not deactivated"));
  });

  test("an empty one is marked gone at once", async () => {
    const scheduler = cleanup.use(new MesosScheduler(mesos()));
    await scheduler.subscribe(frameworkInfo());
    const agentId = idOf(await scheduler.offer());
    expect(await operator().drain(agentId, { mark_gone: true })).toMatchObject(OK);
    await scheduler.stream.nextWhere("failure", (event) => event.agentId?.value === agentId);
  });
});

describeEachMesos("an agent that drains", { ...cluster, agents: 6 }, (mesos) => {
  const cleanup = new Cleanup();
  const operator = () => new DrainingOperator(mesos());
  afterEach(() => cleanup.run());

  test("goes on after the master and the agents failed over", { timeout: 120_000 }, async () => {
    const scheduler = cleanup.use(new MesosScheduler(mesos()));
    await scheduler.subscribe(frameworkInfo({ checkpoint: true, failoverTimeout: 3600 }));
    const offers: Offer[] = [];
    while (offers.length < 6) offers.push(...(await scheduler.offers()));
    const ids = offers.map(idOf);
    const [busy = "", drained = "", deactivated = "", first = "", second = "", third = ""] = ids;
    const host = cleanup.use(await ExecutorHost.start());
    const info = host.info(unique("executor"));
    const launched = task({ value: busy }, { executor: info });
    await scheduler.accept(offers.slice(0, 1), [launch(launched)], 0);
    const process = await host.process(info.executorId?.value ?? "");
    const executor = cleanup.use(MesosExecutor.of(process));
    await executor.subscribe();
    await executor.stream.next("launch");
    const taskId = { value: launched.taskId?.value ?? "" };
    const running = await executor.update(taskId, TASK_RUNNING);
    await scheduler.update();
    expect(running.state).toBe(TASK_RUNNING);
    for (const each of [busy, drained, first]) expect(await operator().drain(each, GRACE)).toMatchObject(OK);
    // The master forgets the time that the first call gave; its registry does not.
    expect(await operator().drain(busy)).toMatchObject(OK);
    expect((await operator().agent(busy))?.drain_info?.config).toEqual({ mark_gone: false });
    expect(await operator().deactivate(deactivated)).toMatchObject(OK);
    await operator().inState(drained, "DRAINED");
    await operator().inState(first, "DRAINED");
    scheduler.stop();
    await mesos().crash();
    let subscribed: Promise<unknown> | undefined;
    await mesos().recover(async () => {
      const conflict = { status: 409, text: "Agent removed while processing the call" };
      const answer = await operator().reactivate(first);
      // A real agent comes back when it likes, at most a second later: one that is still away was away when it was asked for.
      const isBack = (await operator().agent(first)) !== undefined;
      expect(isBack ? [OK, conflict] : [conflict]).toContainEqual({ status: answer.status, text: answer.text });
      expect(await operator().reactivate(first)).toMatchObject(refused("Agent is not deactivated"));
      expect(await operator().reactivate(busy)).toMatchObject(refused("Agent is still in the DRAINING state"));
      expect(await operator().drain(second)).toMatchObject(OK);
      expect(await operator().deactivate(third)).toMatchObject(OK);
      subscribed = eventually(() => executor.subscribe(), { what: "the executor's agent" });
    });
    await subscribed;
    // Its agent tells it what it was told last, and then what the master knows.
    expect((await executor.stream.next("kill")).killPolicy).toBeUndefined();
    expect((await executor.stream.next("kill")).killPolicy?.gracePeriod?.nanoseconds).toBe(BigInt(GRACE_NS));
    const config = { max_grace_period: { nanoseconds: GRACE_NS }, mark_gone: false };
    expect((await operator().agent(busy))?.drain_info).toEqual({ state: "DRAINING", config });
    expect(await operator().agent(busy)).not.toHaveProperty("estimated_drain_start_time");
    expect((await operator().agent(drained))?.drain_info).toEqual({ state: "DRAINED", config });
    expect(await operator().inState(second, "DRAINED")).toMatchObject({ active: false, deactivated: true });
    for (const each of [deactivated, third]) {
      const agent = await operator().agent(each);
      expect(agent).toMatchObject({ active: false, deactivated: true });
      expect(agent).not.toHaveProperty("drain_info");
    }
    expect(await operator().agent(first)).toMatchObject({ active: true, deactivated: false });
    const back = cleanup.use(new MesosScheduler(mesos()));
    await back.subscribe(frameworkInfo({ id: { value: scheduler.frameworkId ?? "" }, checkpoint: true }));
    expect((await back.offers()).map(idOf)).toEqual([first]);
    await executor.update(taskId, TASK_KILLED);
    expect(await back.update()).toMatchObject({ state: TASK_KILLED, reason: REASON_AGENT_DRAINING });
    await operator().inState(busy, "DRAINED");
    expect(await operator().reactivate(deactivated)).toMatchObject(OK);
    expect((await back.offers()).map(idOf)).toEqual([deactivated]);
  });
});
