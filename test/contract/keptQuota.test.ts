import { afterEach, expect, test } from "vitest";
import { describeEachMesos } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { getJson } from "../support/http.js";
import { frameworkInfo } from "../support/messages.js";
import { OpenOffers } from "../support/openOffers.js";
import { operate, quota, rolesOf, updateQuota } from "../support/operator.js";
import { MesosScheduler } from "../support/scheduler.js";

const cluster = { agents: 2, resources: "cpus:4;mem:1024", flags: { allocation_interval: "100ms" } };

/** Quotas and weights are in the registry, so that a new master has them. */
describeEachMesos("quotas and weights that outlive a master", cluster, (mesos) => {
  let scheduler: MesosScheduler | undefined;
  afterEach(() => scheduler?.stop());

  test("all but quotas of nothing", async () => {
    const { master } = mesos();
    const configs = [
      quota("nothing"),
      quota("g", { guarantees: { cpus: 1.5 }, limits: { cpus: 2.00049, mem: 0 } }),
      quota("emptied", { limits: { cpus: 1 } }),
      quota("removed", { limits: { cpus: 1 } }),
      quota("*", { limits: { cpus: 3 } }),
    ];
    expect(await updateQuota(master, configs)).toMatchObject({ status: 200 });
    expect(await updateQuota(master, [quota("emptied")])).toMatchObject({ status: 200 });
    const remove = { type: "REMOVE_QUOTA", remove_quota: { role: "removed" } };
    expect(await operate(master, remove)).toMatchObject({ status: 200 });
    const weights = [
      { role: "w/x", weight: 2.5 },
      { role: "infinite", weight: "Infinity" },
    ];
    const update = { type: "UPDATE_WEIGHTS", update_weights: { weight_infos: weights } };
    expect(await operate(master, update)).toMatchObject({ status: 200 });
    await mesos().crash();
    await mesos().recover();
    const { configs: kept } = (await getJson(`${master}/quota`)) as { configs: { role: string }[] };
    expect(kept.sort((a, b) => (a.role < b.role ? -1 : 1))).toEqual([
      { role: "*", limits: { cpus: { value: 3 } } },
      {
        role: "g",
        guarantees: { cpus: { value: 1.5 } },
        limits: { cpus: { value: 2.00049 }, mem: { value: 0 } },
      },
    ]);
    expect(await getJson(`${master}/weights`)).toEqual(expect.arrayContaining(weights));
    expect(Object.keys(await rolesOf(master)).sort()).toEqual(["*", "g", "infinite", "w", "w/x"]);
    scheduler = new MesosScheduler({ master });
    await scheduler.subscribe(frameworkInfo({ roles: ["*"] }));
    await new OpenOffers(scheduler).until({ cpus: 3, mem: 2048 });
    await eventually(async () => (await rolesOf(master))["*"]?.offered.cpus === 3);
  });
});
