import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/master/master.js";
import {
  FrameworkInfo_Capability_Type,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
  TaskState,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { getJson, send } from "../support/http.js";
import { frameworkInfo, launch, resources, task } from "../support/messages.js";
import { OpenOffers } from "../support/openOffers.js";
import { ask, quota, removeQuotas, rolesOf, updateQuota } from "../support/operator.js";
import { MesosScheduler } from "../support/scheduler.js";

const cluster = { resources: "cpus:4;mem:1024;disk:1000;ports:[31000-31009]", flags: { allocation_interval: "100ms" } };
const { MULTI_ROLE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
const nothing = {
  resources: {},
  allocated: {},
  offered: {},
  reserved: {},
  frameworks: [],
  weight: 1,
};
const noQuota = (role: string) => ({ role, guarantee: {}, limit: {}, consumed: {} });

/** A framework in `a/b` and `other`, with a reservation, a task and an offer in `a/b`. */
describeEachMesos("roles", cluster, (mesos) => {
  let scheduler: MesosScheduler;
  beforeAll(async () => {
    scheduler = new MesosScheduler(mesos());
    const offers = new OpenOffers(scheduler);
    const capabilities = [{ type: MULTI_ROLE }, { type: RESERVATION_REFINEMENT }];
    await scheduler.subscribe(frameworkInfo({ roles: ["a/b", "other"], capabilities }), { suppressedRoles: ["other"] });
    const reserved = resources("cpus:3", {
      reservations: [{ type: Resource_ReservationInfo_Type.DYNAMIC, role: "a/b" }],
      allocationInfo: { role: "a/b" },
    });
    const offer = await eventually(() => offers.all[0]);
    const wanted = [...resources("mem:100;ports:[31000-31002]"), { ...reserved[0], scalar: { value: 1 } }];
    const info = task(offer.agentId, { resources: wanted, command: { value: "sleep 1000" } });
    const reserve = { type: Offer_Operation_Type.RESERVE, reserve: { resources: reserved } };
    await offers.accept(offer, reserve, launch(info));
    while ((await scheduler.update(info.taskId?.value)).state !== TaskState.TASK_RUNNING);
    await eventually(() => offers.sum("cpus") === 3);
  });
  afterAll(() => scheduler.stop());

  const own = {
    resources: { cpus: 4, mem: 1024, disk: 1000, ports: 10 },
    allocated: { cpus: 1, mem: 100, ports: 3 },
    offered: { cpus: 3, mem: 924, disk: 1000, ports: 7 },
    reserved: { cpus: 3 },
    weight: 1,
  };
  const consumed = { cpus: 3, mem: 100, ports: 3 };

  test.each(["/roles", "/master/roles", "/roles/x"])("%s shows what a role has with those below it", async (path) => {
    expect(await rolesOf(mesos().master, path)).toEqual({
      a: { name: "a", ...own, quota: { ...noQuota("a"), consumed }, frameworks: [] },
      "a/b": { name: "a/b", ...own, quota: { ...noQuota("a/b"), consumed }, frameworks: [scheduler.frameworkId] },
      other: { name: "other", ...nothing, quota: noQuota("other"), frameworks: [scheduler.frameworkId] },
    });
  });

  test("a role is shown because of its quota alone", async () => {
    const { master } = mesos();
    await updateQuota(master, [quota("alone", { limits: { cpus: 1 } })]);
    const { alone } = await rolesOf(master);
    expect(alone).toEqual({ name: "alone", ...nothing, quota: { ...noQuota("alone"), limit: { cpus: 1 } } });
    await removeQuotas(master);
    expect(await rolesOf(master)).not.toHaveProperty("alone");
  });

  describe.each(codecs)("GET_ROLES as $name", (codec) => {
    test("shows them without quotas and ports", async () => {
      const { getRoles } = await ask(mesos().master, { type: Call_Type.GET_ROLES }, codec);
      const scalars = [
        { name: "cpus", scalar: { value: 4 } },
        { name: "disk", scalar: { value: 1000 } },
        { name: "mem", scalar: { value: 1024 } },
      ];
      const frameworks = [{ value: scheduler.frameworkId }];
      const roles = getRoles?.roles.filter(({ name }) => name !== "keeper");
      expect(roles).toMatchObject([
        { name: "a", weight: 1, frameworks: [], resources: scalars },
        { name: "a/b", weight: 1, frameworks, resources: scalars },
        { name: "other", weight: 1, frameworks, resources: [] },
      ]);
    });
  });

  test("metrics count scalars alone", async () => {
    const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
    const prefix = "allocator/mesos/quota/roles";
    expect(Object.fromEntries(Object.entries(metrics).filter(([name]) => name.startsWith(prefix)))).toEqual({
      [`${prefix}//resources/cpus/consumed`]: 3,
      [`${prefix}//resources/mem/consumed`]: 100,
      [`${prefix}/a/resources/cpus/consumed`]: 3,
      [`${prefix}/a/resources/mem/consumed`]: 100,
      [`${prefix}/a/b/resources/cpus/consumed`]: 3,
      [`${prefix}/a/b/resources/mem/consumed`]: 100,
    });
  });

  test("ports that are used count against a new limit", async () => {
    const { master } = mesos();
    const text = "Role 'a' is already consuming 'cpus:3; mem:100; ports:3'; this is more than the requested limits";
    expect(await updateQuota(master, [quota("a", { limits: { ports: 2 } })])).toMatchObject({
      status: 400,
      text: `Invalid QuotaConfig: ${text} 'ports:2' (use 'force' flag to bypass this check)`,
    });
    expect(await updateQuota(master, [quota("a", { limits: { ports: 3 } })])).toMatchObject({ status: 200 });
    await removeQuotas(master);
  });

  test("any method gets them", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      expect(await send(`${mesos().master}/roles`, { method })).toMatchObject({ status: 200 });
    }
  });
});
