import { afterEach, expect, test } from "vitest";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { getJson } from "../support/http.js";
import { frameworkInfo, launch, resources, scalar, task } from "../support/messages.js";
import { OpenOffers } from "../support/openOffers.js";
import { operate, quota, removeQuotas, rolesOf, updateQuota } from "../support/operator.js";
import { MesosScheduler } from "../support/scheduler.js";

const cluster = {
  agents: 2,
  resources: "cpus:4;mem:1024;disk:1000;ports:[31000-31009]",
  flags: { allocation_interval: "100ms" },
};
const { MULTI_ROLE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
const allocationMs = 100;

/** What schedulers see of quotas. */
describeEachMesos("offers under quotas", cluster, (mesos) => {
  const schedulers: MesosScheduler[] = [];
  afterEach(async () => {
    await removeQuotas(mesos().master);
    for (const scheduler of schedulers.splice(0)) {
      await scheduler.call("TEARDOWN");
      scheduler.stop();
    }
    await eventually(async () => Object.keys(await rolesOf(mesos().master)).length === 0);
  });

  async function subscribe(...roles: string[]): Promise<{ scheduler: MesosScheduler; offers: OpenOffers }> {
    const scheduler = new MesosScheduler(mesos());
    schedulers.push(scheduler);
    const capabilities = [{ type: MULTI_ROLE }, { type: RESERVATION_REFINEMENT }];
    await scheduler.subscribe(frameworkInfo({ roles, capabilities }));
    return { scheduler, offers: new OpenOffers(scheduler) };
  }

  async function set(...configs: object[]): Promise<void> {
    const { status, text } = await updateQuota(mesos().master, configs);
    expect([status, text]).toEqual([200, ""]);
  }

  /** Waits until the allocator has run so often. */
  async function allocations(count: number): Promise<void> {
    const runs = performance.now() + count * allocationMs;
    await eventually(() => performance.now() >= runs);
  }

  const withCpus = (offers: OpenOffers, cpus: number) =>
    eventually(() => offers.all.find(({ resources }) => scalar(resources, "cpus") >= cpus));

  const reserve = (role: string, text: string, type: "RESERVE" | "UNRESERVE" = "RESERVE") => ({
    type: Offer_Operation_Type[type],
    [type.toLowerCase()]: {
      resources: resources(text, {
        reservations: [{ type: Resource_ReservationInfo_Type.DYNAMIC, role }],
        allocationInfo: { role },
      }),
    },
  });

  async function run(scheduler: MesosScheduler, offers: OpenOffers, offer: Offer, text: string): Promise<string> {
    const info = task(offer.agentId, { command: { value: "sleep 1000" }, resources: resources(text) });
    await offers.accept(offer, launch(info));
    const taskId = info.taskId?.value ?? "";
    while ((await scheduler.update(taskId)).state !== TaskState.TASK_RUNNING);
    return taskId;
  }

  test("an offer is chopped to the limit; what has none is offered whole", async () => {
    await set(quota("a", { limits: { cpus: 5, mem: 1500 } }));
    const { offers } = await subscribe("a");
    await offers.until({ cpus: 5, mem: 1500, disk: 2000 });
    expect((await rolesOf(mesos().master)).a).toMatchObject({
      resources: { cpus: 5, mem: 1500, disk: 2000, ports: 10 },
      offered: { cpus: 5, mem: 1500, disk: 2000, ports: 10 },
      quota: { limit: { cpus: 5, mem: 1500 }, consumed: {} },
    });
  });

  test("what one role must not have goes to others", async () => {
    await set(quota("a", { limits: { cpus: 1, mem: 100 } }));
    const a = await subscribe("a");
    await a.offers.until({ cpus: 1, mem: 100 });
    const b = await subscribe("b");
    await b.offers.until({ cpus: 7, mem: 1948 });
  });

  test("a role that is limited to nothing gets no offers; it gets some when the limit rises", async () => {
    await set(quota("a", { limits: { cpus: 0, mem: 0 } }));
    const { offers } = await subscribe("a");
    await allocations(5);
    expect(offers.all).toEqual([]);
    await set(quota("a", { limits: { cpus: 1, mem: 0 } }));
    await offers.until({ cpus: 1, mem: 0 });
    // A filter holds for what is no more than was refused.
    await offers.decline(3600);
    await set(quota("a", { limits: { cpus: 2, mem: 0 } }));
    await offers.until({ cpus: 2, mem: 0 });
    await removeQuotas(mesos().master);
    await offers.until({ cpus: 8, mem: 2048 });
  });

  test("offers beyond a lower limit are rescinded", async () => {
    const { offers } = await subscribe("a");
    await offers.until({ cpus: 8 });
    await set(quota("a", { limits: { cpus: 3 } }));
    await offers.until({ cpus: 3, mem: 2048 });
    await set(quota("a", { limits: { cpus: 3, mem: 0 } }));
    await offers.until({ cpus: 3, mem: 0 });
  });

  test("tasks count against the limit until they end", async () => {
    await set(quota("a", { limits: { cpus: 2 } }));
    const { scheduler, offers } = await subscribe("a");
    const taskId = await run(scheduler, offers, await withCpus(offers, 2), "cpus:1.5;mem:32");
    await offers.until({ cpus: 0.5, mem: 2048 - 32 });
    expect((await rolesOf(mesos().master)).a).toMatchObject({
      quota: { consumed: { cpus: 1.5, mem: 32 } },
      allocated: { cpus: 1.5, mem: 32 },
      offered: { cpus: 0.5 },
    });
    const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
    const prefix = "allocator/mesos/quota/roles";
    expect(metrics).toMatchObject({
      [`${prefix}/a/resources/cpus/limit`]: 2,
      [`${prefix}/a/resources/cpus/offered_or_allocated`]: 2,
      [`${prefix}/a/resources/cpus/consumed`]: 1.5,
      [`${prefix}//resources/cpus/consumed`]: 1.5,
    });
    await scheduler.send("KILL", { kill: { taskId: { value: taskId } } });
    while ((await scheduler.update(taskId)).state !== TaskState.TASK_KILLED);
    await offers.decline(0);
    await offers.until({ cpus: 2, mem: 2048 });
  });

  test("roles below count against a limit, but are not held by it", async () => {
    const below = await subscribe("a/b");
    await run(below.scheduler, below.offers, await withCpus(below.offers, 4), "cpus:3;mem:32");
    await below.scheduler.send("SUPPRESS");
    await below.offers.decline(0);
    await set(quota("a", { limits: { cpus: 4 } }));
    const a = await subscribe("a");
    await a.offers.until({ cpus: 1 });
    await a.scheduler.send("SUPPRESS");
    await a.offers.decline(0);
    await below.scheduler.send("REVIVE");
    await below.offers.until({ cpus: 5 });
    const { a: upper, "a/b": lower } = await rolesOf(mesos().master);
    expect(upper).toMatchObject({
      quota: { limit: { cpus: 4 }, consumed: { cpus: 3, mem: 32 } },
      offered: { cpus: 5 },
    });
    expect(lower).toMatchObject({ quota: { limit: {}, consumed: { cpus: 3, mem: 32 } }, offered: { cpus: 5 } });
  });

  test("reservations count against a limit, whether they are used or not", async () => {
    const { offers } = await subscribe("a");
    await offers.accept(await withCpus(offers, 4), reserve("a", "cpus:3"));
    await eventually(async () => (await rolesOf(mesos().master)).a?.reserved.cpus === 3);
    await offers.until({ cpus: 8 });
    await set(quota("a", { limits: { cpus: 4 } }));
    await offers.until({ cpus: 4, mem: 2048 });
    const reserved = ({ resources }: Offer) => resources.some((each) => each.reservations.length > 0);
    expect(scalar(offers.all.find(reserved)?.resources ?? [], "cpus")).toBeGreaterThanOrEqual(3);
    await offers.accept(await eventually(() => offers.all.find(reserved)), reserve("a", "cpus:3", "UNRESERVE"));
    await eventually(async () => (await rolesOf(mesos().master)).a?.reserved.cpus === undefined);
  });

  test("what is guaranteed to a role is held back for it", async () => {
    await set(quota("g", { guarantees: { cpus: 5, mem: 100 } }));
    const other = await subscribe("o");
    await other.offers.until({ cpus: 3, mem: 1948, disk: 2000 });
    const { scheduler, offers } = await subscribe("g");
    await offers.until({ cpus: 5, mem: 100, disk: 0 });
    // What it has of its guarantee is no longer held back, what it doesn't have yet is.
    for (const offer of offers.all) {
      const [cpus, mem] = ["cpus", "mem"].map((name) => scalar(offer.resources, name));
      await run(scheduler, offers, offer, `cpus:${cpus}${mem ? `;mem:${mem}` : ""}`);
    }
    await scheduler.send("SUPPRESS");
    await offers.decline(0);
    await set(quota("g", { guarantees: { cpus: 6, mem: 100 } }));
    await other.offers.until({ cpus: 2, mem: 1948 });
    await removeQuotas(mesos().master);
    await other.offers.until({ cpus: 3, mem: 1948 });
  });

  test("a role with a guarantee comes first, and gets all else of the agents that it is met from", async () => {
    const [other, { offers }] = [await subscribe("o"), await subscribe("g")];
    await set(quota("g", { guarantees: { cpus: 1 } }));
    // Both have nothing at the next allocation.
    await Promise.all([other.offers.decline(0), offers.decline(0)]);
    await eventually(() => offers.sum("cpus") >= 1 && other.offers.sum("cpus") + offers.sum("cpus") === 8);
    const met = offers.all.find(({ resources }) => scalar(resources, "cpus") === 4);
    expect([scalar(met?.resources ?? [], "mem"), scalar(met?.resources ?? [], "disk")]).toEqual([1024, 1000]);
  });

  test("offers of others are rescinded for a guarantee, and no more than it needs", async () => {
    const other = await subscribe("o");
    await other.offers.until({ cpus: 8 });
    const first = new Set(other.offers.all.map(({ id }) => id?.value));
    await set(quota("g", { guarantees: { cpus: 4 } }));
    await other.offers.until({ cpus: 4 });
    expect(other.offers.all.filter(({ id }) => first.has(id?.value))).toHaveLength(1);
    const { offers } = await subscribe("g");
    await offers.until({ cpus: 4 });
    await set(quota("g", { guarantees: { cpus: 6 } }));
    await offers.until({ cpus: 8 });
    expect(other.offers.sum("cpus")).toBe(0);
  });

  test("each of several guarantees takes offers of other roles, also of such as have one", async () => {
    const other = await subscribe("o");
    await other.offers.until({ cpus: 8 });
    const { offers } = await subscribe("p");
    // The first has enough; what the second needs is the first one's.
    await set(quota("o", { guarantees: { cpus: 4 } }), quota("p", { guarantees: { cpus: 4 } }));
    await offers.until({ cpus: 4 });
    await other.offers.until({ cpus: 4 });
    const first = new Set([...offers.all, ...other.offers.all].map(({ id }) => id?.value));
    await removeQuotas(mesos().master);
    // Each takes an offer of its own, as little as it needs.
    await set(quota("g", { guarantees: { cpus: 1 } }), quota("h", { guarantees: { cpus: 1 } }));
    await eventually(() => offers.sum("cpus") + other.offers.sum("cpus") === 6);
    expect([...offers.all, ...other.offers.all].filter(({ id }) => first.has(id?.value))).toEqual([]);
  });

  test("SET_QUOTA rescinds all offers of as many agents as it needs", async () => {
    const [other, { offers }] = [await subscribe("o"), await subscribe("g")];
    await other.offers.until({ cpus: 8 });
    const guarantee = [{ name: "cpus", type: "SCALAR", scalar: { value: 6 } }];
    const call = { type: "SET_QUOTA", set_quota: { quota_request: { role: "g", guarantee } } };
    expect(await operate(mesos().master, call)).toMatchObject({ status: 200, text: "" });
    await offers.until({ cpus: 6, mem: 2048 });
    await other.offers.until({ cpus: 2 });
  });

  test("of more guarantees than there is, each role gets what is there", async () => {
    const { text } = await updateQuota(
      mesos().master,
      [quota("g", { guarantees: { cpus: 100 } }), quota("h", { guarantees: { mem: 100 } })],
      true,
    );
    expect(text).toBe("");
    const [other, { offers }] = [await subscribe("o"), await subscribe("g")];
    await offers.until({ cpus: 8 });
    expect(other.offers.sum("cpus")).toBe(0);
    expect(other.offers.sum("mem") + offers.sum("mem")).toBe(2048 - 100);
  });

  test("a limit of '*' is one like any other", async () => {
    await set(quota("*", { limits: { cpus: 1.5 } }));
    const [star, other] = [await subscribe("*"), await subscribe("o")];
    await star.offers.until({ cpus: 1.5 });
    await other.offers.until({ cpus: 6.5 });
  });
});
