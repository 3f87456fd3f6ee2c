import { afterEach, describe, expect, test } from "vitest";
import { Call, Call_Type, Response, Response_Type } from "../../gen/mesos/v1/master/master.js";
import {
  type InverseOffer,
  type Offer,
  TaskState,
  TaskStatus_Reason,
  TaskStatus_Source,
} from "../../gen/mesos/v1/mesos.js";
import type { Event_InverseOffers } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs, json, type MessageClass } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { getJson, open, type RawAnswer, send } from "../support/http.js";
import { frameworkInfo, launch, task } from "../support/messages.js";
import { MesosScheduler, type PartialFrameworkInfo } from "../support/scheduler.js";

type PartialOperatorCall = Parameters<typeof Call.fromPartial>[0];
type PartialSchedule = NonNullable<PartialOperatorCall["updateMaintenanceSchedule"]>["schedule"];

const callType = Call as MessageClass<Call>;
const responseType = Response as MessageClass<Response>;
const cluster = { agents: 2, resources: "cpus:4;mem:1024", flags: { allocation_interval: "100ms" } };
/** The default filter of 5 s, and the time of an allocation. */
const FILTER_MS = [4500, 6500] as const;
const HOUR = 3_600_000_000_000;
const elsewhere = { hostname: "elsewhere", ip: "10.1.2.3" };

/** The machine that the cluster's agents are on. */
async function machineOf(master: string): Promise<{ hostname: string; ip: string }> {
  const { slaves } = (await getJson(`${master}/master/slaves`)) as { slaves: { hostname: string; pid: string }[] };
  const [agent] = slaves;
  return { hostname: agent?.hostname ?? "", ip: agent?.pid.replace(/^.*@|:\d+$/g, "") ?? "" };
}

const window = (machine: object, start = 1_900_000_000_000_000_000) => ({
  machine_ids: [machine],
  unavailability: { start: { nanoseconds: start }, duration: { nanoseconds: HOUR } },
});

async function operator(master: string, call: object, path = "/api/v1"): Promise<RawAnswer> {
  const headers = { "Content-Type": "application/json", Accept: "application/json" };
  return send(`${master}${path}`, { headers, body: JSON.stringify(call) });
}

const setSchedule = (master: string, ...windows: object[]) => operator(master, { windows }, "/maintenance/schedule");

/** What an operator plans for machines, and what frameworks are told of it. */
describeEachMesos("maintenance", cluster, (mesos) => {
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    expect(await setSchedule(mesos().master)).toMatchObject({ status: 200 });
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
  });

  async function subscribe(info: PartialFrameworkInfo = {}, codec = json): Promise<MesosScheduler> {
    const scheduler = new MesosScheduler({ ...mesos(), codec });
    schedulers.push(scheduler);
    await scheduler.subscribe(frameworkInfo(info));
    return scheduler;
  }

  /** One offer of each agent. */
  async function offersOfAll(scheduler: MesosScheduler): Promise<Offer[]> {
    const offers: Offer[] = [];
    while (new Set(offers.map(({ agentId }) => agentId?.value)).size < 2) offers.push(...(await scheduler.offers()));
    return offers;
  }

  async function inverseOffersOfAll(scheduler: MesosScheduler): Promise<InverseOffer[]> {
    const all: InverseOffer[] = [];
    while (all.length < 2) {
      const { inverseOffers }: Event_InverseOffers = await scheduler.stream.next("inverseOffers");
      all.push(...inverseOffers);
    }
    return all;
  }

  const idsOf = (offers: readonly { id?: { value?: string | undefined } | undefined }[]) =>
    offers.map(({ id }) => id?.value).sort();
  const answer = (offers: readonly InverseOffer[], refuseSeconds?: number) => ({
    inverseOfferIds: offers.flatMap(({ id }) => (id ? [id] : [])),
    ...(refuseSeconds !== undefined && { filters: { refuseSeconds } }),
  });

  /** The kinds of events that come while `action` is done and shortly after, without heartbeats. */
  async function eventsOf(scheduler: MesosScheduler, action: () => Promise<unknown>, last: string): Promise<string[]> {
    const before = scheduler.stream.received.length;
    await action();
    const kinds = () =>
      scheduler.stream.received
        .slice(before)
        .map(({ event }) => Object.entries(event).find(([key, value]) => key !== "type" && value !== undefined)?.[0])
        .filter((kind) => kind !== undefined);
    await eventually(() => kinds().includes(last), { what: last });
    return kinds();
  }

  async function schedule(...windows: object[]): Promise<void> {
    const { status, text } = await setSchedule(mesos().master, ...windows);
    expect([status, text]).toEqual([200, ""]);
  }

  async function status(): Promise<unknown> {
    return getJson(`${mesos().master}/maintenance/status`);
  }

  describe.each(codecs)("as $name", (codec) => {
    test("offers are rescinded and come again with the unavailability, with inverse offers beside them", async () => {
      const scheduler = await subscribe({}, codec);
      const before = await offersOfAll(scheduler);
      expect(before.every(({ unavailability }) => unavailability === undefined)).toBe(true);
      const machine = await machineOf(mesos().master);
      const kinds = await eventsOf(scheduler, () => schedule(window(machine)), "inverseOffers");
      expect(kinds.slice(0, 3)).toEqual(["rescind", "rescind", "offers"]);
      const rescinded = [await scheduler.stream.next("rescind"), await scheduler.stream.next("rescind")];
      expect(rescinded.map(({ offerId }) => offerId?.value).sort()).toEqual(idsOf(before));
      const offers = await offersOfAll(scheduler);
      const unavailability = {
        start: { nanoseconds: 1_900_000_000_000_000_000n },
        duration: { nanoseconds: BigInt(HOUR) },
      };
      for (const offer of offers) expect(offer.unavailability).toMatchObject(unavailability);
      const inverse = await inverseOffersOfAll(scheduler);
      for (const each of inverse) {
        expect(each).toMatchObject({
          id: { value: expect.stringMatching(/^[0-9a-f-]{36}-O\d+$/) },
          frameworkId: { value: scheduler.frameworkId },
          url: { scheme: "http", address: { ip: "127.0.0.1" } },
          unavailability,
          resources: [],
        });
        expect(each.url).toEqual(offers.find(({ agentId }) => agentId?.value === each.agentId?.value)?.url);
      }
      expect(inverse.map(({ agentId }) => agentId?.value).sort()).toEqual(
        before.map(({ agentId }) => agentId?.value).sort(),
      );
    });

    test("when the schedule is taken away, all of them are rescinded and offers come without it", async () => {
      const scheduler = await subscribe({}, codec);
      await schedule(window(await machineOf(mesos().master)));
      const inverse = await inverseOffersOfAll(scheduler);
      await eventually(() => scheduler.stream.has(({ offers }) => offers !== undefined));
      await schedule();
      const rescinded = [
        await scheduler.stream.next("rescindInverseOffer"),
        await scheduler.stream.next("rescindInverseOffer"),
      ];
      expect(rescinded.map(({ inverseOfferId }) => inverseOfferId?.value).sort()).toEqual(idsOf(inverse));
      await scheduler.stream.nextWhere("offers", ({ offers }) =>
        offers.every(({ unavailability }) => unavailability === undefined),
      );
      expect(await status()).toEqual({});
    });

    test("an inverse offer is accepted or declined, and another comes when the filter ends", async () => {
      const scheduler = await subscribe({}, codec);
      await schedule(window(await machineOf(mesos().master)));
      const inverse = await inverseOffersOfAll(scheduler);
      const [one, two] = inverse;
      if (!one || !two) throw new Error("an inverse offer of each agent");
      await scheduler.send("ACCEPT_INVERSE_OFFERS", { acceptInverseOffers: answer([one], 1000) });
      await scheduler.send("DECLINE_INVERSE_OFFERS", { declineInverseOffers: answer([two], 0) });
      await eventually(async () => {
        const { draining_machines: draining = [] } = (await status()) as {
          draining_machines?: { statuses?: { status: string; framework_id: { value: string }; timestamp: object }[] }[];
        };
        expect(draining).toHaveLength(1);
        const statuses = draining[0]?.statuses ?? [];
        expect(statuses.map((each) => each.status).sort()).toEqual(["ACCEPT", "DECLINE"]);
        for (const each of statuses) {
          expect(each.framework_id.value).toBe(scheduler.frameworkId);
          expect(each.timestamp).toMatchObject({ nanoseconds: expect.any(Number) });
        }
        return true;
      });
      const again = (await scheduler.stream.next("inverseOffers")).inverseOffers;
      expect(again.map(({ agentId }) => agentId?.value)).toEqual([two.agentId?.value]);
      expect(again[0]?.id).not.toEqual(two.id);
      // One that is gone, and none at all: nothing is told back.
      await scheduler.send("ACCEPT_INVERSE_OFFERS", { acceptInverseOffers: answer([two]) });
      await scheduler.send("ACCEPT_INVERSE_OFFERS", { acceptInverseOffers: answer([]) });
      // A REVIVE ends the filter of 1000 s.
      await scheduler.send("REVIVE");
      const revived = (await scheduler.stream.next("inverseOffers")).inverseOffers;
      expect(revived.map(({ agentId }) => agentId?.value)).toEqual([one.agentId?.value]);
    });
  });

  test("without filters another inverse offer comes after five seconds", async () => {
    const scheduler = await subscribe();
    await schedule(window(await machineOf(mesos().master)));
    const [one] = await inverseOffersOfAll(scheduler);
    if (!one) throw new Error("an inverse offer");
    const sent = performance.now();
    await scheduler.send("DECLINE_INVERSE_OFFERS", { declineInverseOffers: answer([one]) });
    const [again] = (await scheduler.stream.next("inverseOffers")).inverseOffers;
    expect(again?.agentId).toEqual(one.agentId);
    const took = performance.now() - sent;
    expect(took).toBeGreaterThan(FILTER_MS[0]);
    expect(took).toBeLessThan(FILTER_MS[1]);
  });

  test("a framework that has nothing on the machine gets no inverse offers, a suppressed one with a task does", async () => {
    const worker = await subscribe();
    const offers = await offersOfAll(worker);
    const [offer] = offers;
    const launched = task(offer?.agentId, { command: { value: "exec sleep 1000" } });
    await worker.accept(offers.slice(0, 1), [launch(launched)], 0);
    await worker.decline(offers.slice(1), 1000);
    await worker.send("SUPPRESS");
    expect((await worker.update(launched.taskId?.value)).state).toBe(TaskState.TASK_STARTING);
    const idle = new MesosScheduler(mesos());
    schedulers.push(idle);
    await idle.subscribe(frameworkInfo(), { suppressedRoles: ["*"] });
    await schedule(window(await machineOf(mesos().master)));
    const { inverseOffers } = await worker.stream.nextWhere("inverseOffers", ({ inverseOffers: each }) =>
      each.some(({ agentId }) => agentId?.value === offer?.agentId?.value),
    );
    expect(inverseOffers.length).toBeGreaterThan(0);
    expect(idle.stream.has(({ inverseOffers: each }) => each !== undefined)).toBe(false);
  });

  test("a framework that comes back gets its inverse offers anew, without a rescind", async () => {
    const first = await subscribe();
    await schedule(window(await machineOf(mesos().master)));
    const before = await inverseOffersOfAll(first);
    const second = await subscribe({ id: { value: first.frameworkId ?? "" } });
    const after = await inverseOffersOfAll(second);
    expect(idsOf(after)).not.toEqual(idsOf(before));
    await first.stream.ended;
    expect(first.stream.has(({ rescindInverseOffer }) => rescindInverseOffer !== undefined)).toBe(false);
  });

  test("a new time for the same machine rescinds and offers again", async () => {
    const scheduler = await subscribe();
    const machine = await machineOf(mesos().master);
    await schedule(window(machine));
    const before = await inverseOffersOfAll(scheduler);
    await schedule(window(machine, 1_800_000_000_000_000_000));
    const rescinded = [
      await scheduler.stream.next("rescindInverseOffer"),
      await scheduler.stream.next("rescindInverseOffer"),
    ];
    expect(rescinded.map(({ inverseOfferId }) => inverseOfferId?.value).sort()).toEqual(idsOf(before));
    for (const each of await inverseOffersOfAll(scheduler)) {
      expect(each.unavailability?.start?.nanoseconds).toBe(1_800_000_000_000_000_000n);
    }
  });

  test("machines are named without regard to case; a schedule for others rescinds offers too", async () => {
    const scheduler = await subscribe();
    await offersOfAll(scheduler);
    const { hostname, ip } = await machineOf(mesos().master);
    await schedule(window(elsewhere));
    expect(await status()).toEqual({ draining_machines: [{ id: elsewhere }] });
    await scheduler.stream.next("rescind");
    await scheduler.stream.next("rescind");
    for (const { unavailability } of await offersOfAll(scheduler)) expect(unavailability).toBeUndefined();
    await schedule(window({ hostname: hostname.toUpperCase(), ip }));
    expect(await status()).toMatchObject({ draining_machines: [{ id: { hostname, ip } }] });
    await inverseOffersOfAll(scheduler);
  });

  test("agents that are looked at show it", async () => {
    const { master } = mesos();
    const { slaves } = (await getJson(`${master}/slaves`)) as { slaves: { id: string }[] };
    expect(slaves).toHaveLength(2);
    const scheduler = await subscribe();
    await schedule(window(await machineOf(master)));
    const inverse = await inverseOffersOfAll(scheduler);
    const answer = await operator(master, { type: "GET_FRAMEWORKS" });
    const { get_frameworks } = JSON.parse(answer.text) as {
      get_frameworks: {
        frameworks: { framework_info: { id: { value: string } }; inverse_offers: { id: { value: string } }[] }[];
      };
    };
    const mine = get_frameworks.frameworks.find((each) => each.framework_info.id.value === scheduler.frameworkId);
    expect(idsOf(mine?.inverse_offers ?? [])).toEqual(idsOf(inverse));
  });

  const textOf = (machine: object) => `Machine '${JSON.stringify(machine)}'`;

  describe("the schedule", () => {
    const get = () => getJson(`${mesos().master}/master/maintenance/schedule`);
    const one = { start: { nanoseconds: 1 } };

    test("is kept as it was given", async () => {
      expect(await get()).toEqual({});
      const third = { machine_ids: [{ ip: "10.1.2.4" }, { hostname: "third" }], unavailability: one };
      const windows = [window(elsewhere), third];
      await schedule(...windows);
      expect(await get()).toEqual({ windows });
    });

    test.each<[string, unknown, string]>([
      ["no JSON", "{", "syntax error at line 1 near: "],
      ["a list", "[]", "Unexpected JSON type parsed"],
      [
        "a window without machines",
        { windows: [{ machine_ids: [], unavailability: one }] },
        "List of machines in the maintenance window is empty",
      ],
      [
        "a window without unavailability",
        { windows: [{ machine_ids: [elsewhere] }] },
        "Missing required fields: windows[0].unavailability",
      ],
      [
        "an unavailability without start",
        { windows: [{ machine_ids: [elsewhere], unavailability: {} }] },
        "Missing required fields: windows[0].unavailability.start",
      ],
      [
        "a negative duration",
        { windows: [{ machine_ids: [elsewhere], unavailability: { ...one, duration: { nanoseconds: -1 } } }] },
        "Unavailability 'duration' is negative",
      ],
      ["a machine without a name", { windows: [window({})] }, "Both 'hostname' and 'ip' for a machine are empty"],
      ["a machine whose address is none", { windows: [window({ ip: "nonsense" })] }, "Failed to parse IPv4: nonsense"],
      [
        "a machine twice",
        { windows: [window(elsewhere), window({ ...elsewhere, hostname: "ELSEWHERE" })] },
        `${textOf({ ...elsewhere, hostname: "ELSEWHERE" })} appears more than once in the schedule`,
      ],
      [
        "a machine twice in one window",
        { windows: [{ ...window(elsewhere), machine_ids: [elsewhere, elsewhere] }] },
        `${textOf(elsewhere)} appears more than once in the schedule`,
      ],
    ])("is refused: %s", async (_, body, text) => {
      const sent = typeof body === "string" ? body : JSON.stringify(body);
      const refusal = await send(`${mesos().master}/maintenance/schedule`, { body: sent });
      expect(refusal).toMatchObject({ status: 400, text });
      expect(await get()).toEqual({});
    });

    test.each<[string, string]>([
      ["maintenance/schedule", "GET, POST"],
      ["maintenance/status", "GET"],
      ["machine/down", "POST"],
      ["machine/up", "POST"],
    ])("/%s takes %s only", async (name, allow) => {
      const refusal = await send(`${mesos().master}/${name}`, { method: "PUT" });
      expect(refusal).toMatchObject({ status: 405, headers: { allow } });
      const quoted = allow.replaceAll(/\w+/g, "'$&'");
      expect(refusal.text).toBe(`405 Method Not Allowed. Expecting one of { ${quoted} }, but received 'PUT'.`);
    });
  });

  describe("machines", () => {
    const never = { hostname: "never" };
    test.each<[string, string, unknown, string]>([
      ["down", "an empty list", [], "List of machines is empty"],
      ["down", "an object", {}, "Unexpected JSON type parsed"],
      ["down", "no JSON", "[", "syntax error at line 1 near: "],
      ["down", "a machine without a name", [{}], "Both 'hostname' and 'ip' for a machine are empty"],
      ["down", "a machine twice", [never, never], `${textOf(never)} appears more than once in the schedule`],
      ["down", "one that no schedule had", [never], `${textOf(never)} is not part of a maintenance schedule`],
      ["up", "an empty list", [], "List of machines is empty"],
      ["up", "one that no schedule had", [never], `${textOf(never)} is not part of a maintenance schedule`],
    ])("machine/%s refuses %s", async (name, _, body, text) => {
      const sent = typeof body === "string" ? body : JSON.stringify(body);
      const refusal = await send(`${mesos().master}/machine/${name}`, { body: sent });
      expect(refusal).toMatchObject({ status: 400, text });
    });

    test("go down and up again in order only", async () => {
      const { master } = mesos();
      const down = async (machine: object) => operator(master, [machine], "/machine/down");
      const up = async (machine: object) => operator(master, [machine], "/machine/up");
      const notDown = { status: 400, text: expect.stringMatching(/is not in DOWN mode and cannot be brought up$/) };
      const notDraining = {
        status: 400,
        text: expect.stringMatching(/is not in DRAINING mode and cannot be brought down$/),
      };
      const machine = await machineOf(master);
      expect(await down(machine)).toMatchObject(notDraining);
      expect(await up(machine)).toMatchObject(notDown);
      await schedule(window(elsewhere));
      expect(await up(elsewhere)).toMatchObject(notDown);
      expect(await down(elsewhere)).toMatchObject({ status: 200, text: "" });
      expect(await down(elsewhere)).toMatchObject(notDraining);
      expect(await status()).toEqual({ down_machines: [elsewhere] });
      const kept = `${textOf(elsewhere)} is deactivated and cannot be removed from the schedule`;
      expect(await setSchedule(master)).toMatchObject({ status: 400, text: kept });
      expect(await up(elsewhere)).toMatchObject({ status: 200, text: "" });
      expect(await status()).toEqual({});
      expect(await getJson(`${master}/maintenance/schedule`)).toEqual({});
    });
  });

  describe.each(codecs)("POST /api/v1 as $name", (codec) => {
    async function ask(call: PartialOperatorCall): Promise<{ status: number; text: string; response?: Response }> {
      const { mediaType } = codec;
      const incoming = await open(`${mesos().master}/api/v1`, {
        headers: { "Content-Type": mediaType, Accept: mediaType },
        body: codec.encode(callType, Call.fromPartial(call)),
      });
      const chunks: Buffer[] = [];
      for await (const chunk of incoming) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const isMessage = incoming.headers["content-type"] === mediaType && body.length > 0;
      return {
        status: incoming.statusCode ?? 0,
        text: isMessage ? "" : body.toString(),
        ...(isMessage && { response: codec.decode(responseType, body) }),
      };
    }

    test("does the same", async () => {
      const machines = [elsewhere];
      const windows = [{ machineIds: machines, unavailability: { start: { nanoseconds: 5n } } }];
      const update = (schedule: PartialSchedule) =>
        ask({ type: Call_Type.UPDATE_MAINTENANCE_SCHEDULE, updateMaintenanceSchedule: { schedule } });
      const statusNow = async () => {
        const { response } = await ask({ type: Call_Type.GET_MAINTENANCE_STATUS });
        expect(response?.type).toBe(Response_Type.GET_MAINTENANCE_STATUS);
        return response?.getMaintenanceStatus?.status;
      };
      const scheduleNow = async () => {
        const { response } = await ask({ type: Call_Type.GET_MAINTENANCE_SCHEDULE });
        expect(response?.type).toBe(Response_Type.GET_MAINTENANCE_SCHEDULE);
        return response?.getMaintenanceSchedule?.schedule;
      };
      expect(await update({ windows })).toEqual({ status: 200, text: "" });
      expect(await scheduleNow()).toMatchObject({ windows });
      expect(await statusNow()).toMatchObject({
        drainingMachines: [{ id: elsewhere, statuses: [] }],
        downMachines: [],
      });
      expect(await ask({ type: Call_Type.STOP_MAINTENANCE, stopMaintenance: { machines } })).toMatchObject({
        status: 400,
        text: `${textOf(elsewhere)} is not in DOWN mode and cannot be brought up`,
      });
      expect(await ask({ type: Call_Type.START_MAINTENANCE, startMaintenance: { machines } })).toEqual({
        status: 200,
        text: "",
      });
      expect(await statusNow()).toMatchObject({ drainingMachines: [], downMachines: [elsewhere] });
      expect(await ask({ type: Call_Type.STOP_MAINTENANCE, stopMaintenance: { machines } })).toMatchObject({
        status: 200,
      });
      expect(await scheduleNow()).toMatchObject({ windows: [] });
      expect(await statusNow()).toMatchObject({ drainingMachines: [], downMachines: [] });
    });

    test.each([
      ["UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule"],
      ["START_MAINTENANCE", "start_maintenance"],
      ["STOP_MAINTENANCE", "stop_maintenance"],
    ] as const)("%s without its part is refused", async (type, part) => {
      const text = `Failed to validate master::Call: Expecting '${part}' to be present`;
      expect(await ask({ type: Call_Type[type] })).toMatchObject({ status: 400, text });
    });
  });
});

/** Clusters of their own: one loses its agents. */
describeEachMesos("maintenance of a machine with a task", cluster, (mesos) => {
  test("ends the task and the agents", async () => {
    const { master } = mesos();
    const scheduler = new MesosScheduler(mesos());
    await scheduler.subscribe(frameworkInfo());
    const offer = await scheduler.offer();
    const launched = task(offer.agentId, { command: { value: "exec sleep 1000" } });
    await scheduler.accept([offer], [launch(launched)], 0);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TaskState.TASK_STARTING);
    expect((await scheduler.update(launched.taskId?.value)).state).toBe(TaskState.TASK_RUNNING);
    const machine = await machineOf(master);
    await setSchedule(master, window(machine));
    await scheduler.stream.next("inverseOffers");
    expect(await operator(master, [machine], "/machine/down")).toMatchObject({ status: 200 });
    const lost = await scheduler.update(launched.taskId?.value);
    expect(lost).toMatchObject({
      state: TaskState.TASK_LOST,
      reason: TaskStatus_Reason.REASON_AGENT_REMOVED,
      source: TaskStatus_Source.SOURCE_MASTER,
      message: `Agent ${machine.hostname} removed: Operator initiated 'Machine DOWN'`,
      agentId: offer.agentId,
    });
    expect(lost.uuid).toBeUndefined();
    const failures = [await scheduler.stream.next("failure"), await scheduler.stream.next("failure")];
    expect(failures.map(({ agentId }) => agentId?.value)).toContain(offer.agentId?.value);
    await scheduler.stream.next("rescindInverseOffer");
    expect(await getJson(`${master}/slaves`)).toMatchObject({ slaves: [] });
    scheduler.stop();
  });
});

describeEachMesos("a planned maintenance", { ...cluster, agents: 1 }, (mesos) => {
  test("outlives the master", { timeout: 120_000 }, async () => {
    const { master } = mesos();
    const machine = await machineOf(master);
    const down = { hostname: "down" };
    await setSchedule(master, window(machine), window(elsewhere), window(down));
    expect(await operator(master, [down], "/machine/down")).toMatchObject({ status: 200 });
    const before = await getJson(`${master}/maintenance/schedule`);
    await mesos().crash();
    await mesos().recover();
    expect(await getJson(`${master}/maintenance/schedule`)).toEqual(before);
    expect(await getJson(`${master}/maintenance/status`)).toMatchObject({ down_machines: [down] });
    const scheduler = new MesosScheduler(mesos());
    await scheduler.subscribe(frameworkInfo());
    expect((await scheduler.offer({ timeoutMs: 60_000 })).unavailability).toBeDefined();
    await scheduler.stream.next("inverseOffers");
    scheduler.stop();
  });
});
