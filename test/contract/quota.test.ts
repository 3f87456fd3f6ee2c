import { afterEach, describe, expect, test } from "vitest";
import { Call_Type } from "../../gen/mesos/v1/master/master.js";
import {
  FrameworkInfo_Capability_Type,
  type Offer,
  Offer_Operation_Type,
  Resource_ReservationInfo_Type,
} from "../../gen/mesos/v1/mesos.js";
import { describeEachMesos } from "../support/cluster.js";
import { codecs } from "../support/codec.js";
import { eventually } from "../support/eventually.js";
import { getJson, type RawAnswer, send } from "../support/http.js";
import { frameworkInfo, resources } from "../support/messages.js";
import { OpenOffers } from "../support/openOffers.js";
import { ask, operate, quota, removeQuotas, rolesOf, updateQuota } from "../support/operator.js";
import { MesosScheduler } from "../support/scheduler.js";

const cluster = { agents: 2, resources: "cpus:4;mem:1024;disk:1000", flags: { allocation_interval: "100ms" } };
const CAPACITY = /'(cpus:8; disk:2000; mem:2048)'/;
const OVERFLOW = -9.22337203685478e15;

const scalar = (name: string, value: number, more: object = {}) => ({
  name,
  type: "SCALAR",
  scalar: { value },
  ...more,
});
const cpus = (value: number, more: object = {}) => scalar("cpus", value, more);
const answer = ({ status, text }: RawAnswer) => [status, text.replace(CAPACITY, "'CAPACITY'")];

/** Quotas as operators set them and see them. */
describeEachMesos("quota", cluster, (mesos) => {
  afterEach(() => removeQuotas(mesos().master));

  const update = async (...configs: object[]) => answer(await updateQuota(mesos().master, configs));
  const force = async (...configs: object[]) => answer(await updateQuota(mesos().master, configs, true));
  const shown = async () => {
    const { configs = [] } = (await getJson(`${mesos().master}/quota`)) as { configs?: { role: string }[] };
    return configs.sort((a, b) => (a.role < b.role ? -1 : 1));
  };

  describe("UPDATE_QUOTA", () => {
    const trillion = "values greater than 1 trillion (1000000000000) are not supported";
    const exabyte = "values greater than 1 exabyte (1099511627776) are not supported";
    test.each<[string, object, string]>([
      ["of no role", quota(""), "Invalid 'QuotaConfig.role': Role names cannot be the empty string"],
      [
        "of a bad role",
        quota("a b"),
        "Invalid 'QuotaConfig.role': Role component 'a b' is invalid because it contains backspace or whitespace",
      ],
      [
        "of a negative limit",
        quota("a", { limits: { cpus: -1 } }),
        "Invalid limit configuration {'cpus': -1}: Negative values not supported",
      ],
      [
        "of a negative guarantee",
        quota("a", { guarantees: { cpus: -1.2345 }, limits: { mem: -1 } }),
        "Invalid guarantee configuration {'cpus': -1.235}: Negative values not supported",
      ],
      [
        "of an infinite limit",
        { role: "a", limits: { cpus: { value: "Infinity" } } },
        `Invalid 'QuotaConfig.limits': {'cpus': -9.22337203685478e+15} is invalid: ${trillion}`,
      ],
      [
        "of too many cpus",
        quota("a", { guarantees: { cpus: 1e12 + 1 }, limits: { mem: -1 } }),
        `Invalid 'QuotaConfig.guarantees': {'cpus': 1000000000001} is invalid: ${trillion}`,
      ],
      [
        "of too much memory",
        quota("a", { guarantees: { cpus: -1 }, limits: { mem: 2 ** 40 + 1 } }),
        `Invalid 'QuotaConfig.limits': {'mem': 1099511627777} is invalid: ${exabyte}`,
      ],
      [
        "of too much disk",
        quota("a", { limits: { disk: 9.2e15 } }),
        `Invalid 'QuotaConfig.limits': {'disk': 9.2e+15} is invalid: ${exabyte}`,
      ],
      [
        "of more than 64 bits hold",
        quota("a", { limits: { gpus: 1e18 } }),
        `Invalid 'QuotaConfig.limits': {'gpus': -9.22337203685478e+15} is invalid: ${trillion}`,
      ],
      [
        "of a guarantee beyond the limit",
        quota("a", { guarantees: { cpus: 2.5 }, limits: { cpus: 1 } }),
        "'QuotaConfig.guarantees' { cpus: 2.5 } is not contained within the 'QuotaConfig.limits' { cpus: 1 }",
      ],
      [
        "of more than there is",
        quota("a", { guarantees: { cpus: 8.001 } }),
        "total quota guarantees 'cpus:8.001' exceed cluster capacity 'CAPACITY' (use 'force' flag to bypass this check)",
      ],
      [
        "of what there is not",
        quota("a", { guarantees: { gpus: 1, alpha: 2, cpus: 3 } }),
        "total quota guarantees 'alpha:2; cpus:3; gpus:1' exceed cluster capacity 'CAPACITY' (use 'force' flag to bypass this check)",
      ],
    ])("%s is refused", async (_, config, text) => {
      expect(await update(config)).toEqual([400, `Invalid QuotaConfig: ${text}`]);
      expect(await shown()).toEqual([]);
    });

    test.each(["a/b", "/a", "a/", "a b/c"])("of the nested role '%s' is not supported", async (role) => {
      const text = `Updating quota on nested role '${role}' is not supported yet`;
      expect(await update(quota(role, { limits: { cpus: -1 } }))).toEqual([400, text]);
      expect(await force(quota(role))).toEqual([400, text]);
    });

    test("of numbers that JSON does not have is refused", async () => {
      const call = (value: number, field: "guarantees" | "limits") =>
        ask(
          mesos().master,
          {
            type: Call_Type.UPDATE_QUOTA,
            updateQuota: { quotaConfigs: [{ role: "a", [field]: { cpus: { value } } }] },
          },
          codecs[1],
        );
      expect(codecs[1]?.name).toMatch(/protobuf/i);
      const text = `{'cpus': ${OVERFLOW.toExponential()}}`;
      await expect(call(Number.NaN, "limits")).rejects.toThrow(
        `Invalid limit configuration ${text}: NaN not supported`,
      );
      await expect(call(Number.NEGATIVE_INFINITY, "guarantees")).rejects.toThrow(
        `Invalid guarantee configuration ${text}: Infinite values not supported`,
      );
    });

    test("without its parts is refused", async () => {
      expect(answer(await operate(mesos().master, { type: "UPDATE_QUOTA" }))).toEqual([
        400,
        "Failed to validate master::Call: Expecting 'update_quota' to be present",
      ]);
      expect(await update({ limits: {} }, { role: "a", limits: { cpus: {} } })).toEqual([
        400,
        "Failed to convert JSON into Call protobuf: Missing required fields: update_quota.quota_configs[0].role, update_quota.quota_configs[1].limits[0].value.value",
      ]);
      expect(answer(await operate(mesos().master, { type: "UPDATE_QUOTA", update_quota: {} }))).toEqual([200, ""]);
      expect(await shown()).toEqual([]);
    });

    test("of several roles sets all or none; the first that is wrong is named", async () => {
      const good = quota("a", { limits: { cpus: 1 } });
      const [nested, negative] = [quota("a/b"), quota("b", { limits: { cpus: -2 } })];
      const tooMuch = quota("c", { guarantees: { cpus: 100 } });
      const nestedText = "Updating quota on nested role 'a/b' is not supported yet";
      const negativeText =
        "Invalid QuotaConfig: Invalid limit configuration {'cpus': -2}: Negative values not supported";
      expect(await update(good, nested, negative)).toEqual([400, nestedText]);
      expect(await update(tooMuch, negative, nested)).toEqual([400, negativeText]);
      expect(await shown()).toEqual([]);
      expect(await update(good, quota("b", { guarantees: { mem: 5 } }))).toEqual([200, ""]);
      expect(await shown()).toEqual([
        { role: "a", limits: { cpus: { value: 1 } } },
        { role: "b", guarantees: { mem: { value: 5 } } },
      ]);
    });

    test("checks the sum of what all roles are guaranteed, unless it is forced", async () => {
      const text = (sum: string) => [
        400,
        `Invalid QuotaConfig: total quota guarantees '${sum}' exceed cluster capacity 'CAPACITY' (use 'force' flag to bypass this check)`,
      ];
      const [five, four] = [quota("a", { guarantees: { cpus: 5 } }), quota("b", { guarantees: { cpus: 4 } })];
      expect(await update(five, four)).toEqual(text("cpus:9"));
      expect(await update(five)).toEqual([200, ""]);
      expect(await update(four)).toEqual(text("cpus:9"));
      expect(await force(four)).toEqual([200, ""]);
      // Also of one that guarantees nothing.
      expect(await update(quota("c", { limits: { cpus: 1 } }))).toEqual(text("cpus:9"));
      expect(await update(quota("a"))).toEqual([200, ""]);
      expect(await update(quota("c", { limits: { cpus: 1 } }))).toEqual([200, ""]);
    });

    test("a limit has to leave what is consumed, unless it is forced", async () => {
      const scheduler = new MesosScheduler(mesos());
      const { MULTI_ROLE, RESERVATION_REFINEMENT } = FrameworkInfo_Capability_Type;
      const capabilities = [{ type: MULTI_ROLE }, { type: RESERVATION_REFINEMENT }];
      await scheduler.subscribe(frameworkInfo({ roles: ["r/s"], capabilities }));
      const offers = new OpenOffers(scheduler);
      const reservations = [{ type: Resource_ReservationInfo_Type.DYNAMIC, role: "r/s" }];
      const reserve = (type: "RESERVE" | "UNRESERVE") => ({
        type: Offer_Operation_Type[type],
        [type.toLowerCase()]: { resources: resources("cpus:3", { reservations, allocationInfo: { role: "r/s" } }) },
      });
      const isReserved = (count: number) => async () =>
        ((await rolesOf(mesos().master)).r?.reserved.cpus ?? 0) === count;
      await offers.accept(await eventually(() => offers.all[0]), reserve("RESERVE"));
      await eventually(isReserved(3));
      const limit = quota("r", { limits: { cpus: 2 } });
      const text = "Role 'r' is already consuming 'cpus:3'; this is more than the requested limits 'cpus:2'";
      expect(await update(limit)).toEqual([
        400,
        `Invalid QuotaConfig: ${text} (use 'force' flag to bypass this check)`,
      ]);
      // Every role is checked for itself, and then all for what they are guaranteed.
      const [negative, tooMuch] = [quota("z", { limits: { cpus: -1 } }), quota("z", { guarantees: { cpus: 9 } })];
      expect(await update(tooMuch, limit)).toEqual([400, expect.stringContaining(text)]);
      expect(await update(limit, negative)).toEqual([400, expect.stringContaining("Invalid limit configuration")]);
      expect(await update(quota("r", { limits: { cpus: 3, mem: 0 } }))).toEqual([200, ""]);
      // Reservations are part of what the cluster can guarantee.
      expect(await update(quota("z", { guarantees: { cpus: 8 } }))).toEqual([200, ""]);
      expect(await force(limit)).toEqual([200, ""]);
      const reserved = ({ resources }: Offer) => resources.some((each) => each.reservations.length > 0);
      await offers.accept(await eventually(() => offers.all.find(reserved)), reserve("UNRESERVE"));
      await eventually(isReserved(0));
      await scheduler.send("TEARDOWN");
      scheduler.stop();
    });
  });

  describe.each(["SET_QUOTA", "POST /quota"])("%s", (how) => {
    const set = async (request: object) => {
      const { master } = mesos();
      if (how === "SET_QUOTA") {
        return answer(await operate(master, { type: "SET_QUOTA", set_quota: { quota_request: request } }));
      }
      return answer(await send(`${master}/quota`, { body: JSON.stringify(request) }));
    };
    const ranges = { name: "ports", type: "RANGES", ranges: { range: [{ begin: 1, end: 2 }] } };
    const nothing = { name: "ports", type: "SET", set: { item: [] } };

    test.each<[string, object, string]>([
      ["of no role", { guarantee: [cpus(1)] }, "QuotaInfo with invalid role: Role names cannot be the empty string"],
      [
        "of a bad role",
        { role: "-a" },
        "QuotaInfo with invalid role: Role component '-a' is invalid because it starts with a dash",
      ],
      ["of nothing", { role: "a" }, "QuotaInfo with empty 'guarantee'"],
      [
        "of a negative amount",
        { role: "a", guarantee: [cpus(1, { revocable: {} }), cpus(-1)] },
        "QuotaInfo with invalid resource: Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0",
      ],
      [
        "of too small an amount",
        { role: "a", guarantee: [cpus(0.0001)] },
        "QuotaInfo with invalid resource: Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0",
      ],
      [
        "of more than 64 bits hold",
        { role: "a", guarantee: [cpus(1e18)] },
        "QuotaInfo with invalid resource: Resource 'cpus:-9.22337203685478e+15' is invalid: Invalid scalar resource: value <= 0",
      ],
      [
        "of no amount",
        { role: "a", guarantee: [{ name: "cpus", type: "SCALAR" }] },
        "QuotaInfo with invalid resource: Resource 'cpus:0' is invalid: Invalid scalar resource",
      ],
      [
        "of shared cpus",
        { role: "a", guarantee: [cpus(1, { shared: {} })] },
        "QuotaInfo with invalid resource: Resource 'cpus<SHARED>:1' is invalid: Resource cpus cannot be shared",
      ],
      [
        "of reserved cpus",
        { role: "a", guarantee: [cpus(1, { role: "a", revocable: {} })] },
        "QuotaInfo must not contain any ReservationInfo",
      ],
      [
        "of a disk",
        { role: "a", guarantee: [scalar("disk", 1, { disk: {}, revocable: {} })] },
        "QuotaInfo must not contain DiskInfo",
      ],
      [
        "of revocable cpus",
        { role: "a", guarantee: [cpus(1), cpus(1, { revocable: {} })] },
        "QuotaInfo must not contain RevocableInfo",
      ],
      ["of ranges", { role: "a", guarantee: [ranges] }, "QuotaInfo must not include non-scalar resources"],
      [
        "of one resource twice",
        { role: "a", guarantee: [cpus(1), cpus(1), nothing] },
        "QuotaInfo contains duplicate resource name 'cpus'",
      ],
      [
        "of a nested role",
        { role: "a/b", guarantee: [cpus(1)] },
        "Invalid quota configuration. Parent role 'a' with guarantees ({}) does not contain the sum of its children's guarantees (cpus:1)",
      ],
      [
        "of a deeply nested role",
        { role: "a/b/c", force: true, guarantee: [cpus(1), scalar("mem", 2)] },
        "Invalid quota configuration. Parent role 'b' with guarantees ({}) does not contain the sum of its children's guarantees (cpus:1; mem:2)",
      ],
    ])("%s is refused", async (_, request, text) => {
      expect(await set(request)).toEqual([400, `Failed to validate set quota request: ${text}`]);
      expect(await shown()).toEqual([]);
    });

    test("guarantees what it limits, once", async () => {
      expect(await set({ role: "a", guarantee: [cpus(2), scalar("mem", 0)] })).toEqual([200, ""]);
      const limits = { cpus: { value: 2 }, mem: { value: 0 } };
      expect(await shown()).toEqual([{ role: "a", guarantees: { cpus: { value: 2 } }, limits }]);
      const text = "Failed to validate set quota request: Cannot set quota for role 'a' which already has quota";
      expect(await set({ role: "a", guarantee: [cpus(2)] })).toEqual([400, text]);
      expect(await set({ role: "a", force: true, guarantee: [cpus(200)] })).toEqual([400, text]);
    });

    test("of a nested role is not supported, also where its parent guarantees enough", async () => {
      await set({ role: "a", guarantee: [cpus(2), scalar("mem", 10)] });
      const [enough, tooMuch] = [[cpus(1)], [cpus(2), scalar("mem", 20)]];
      expect(await set({ role: "a/b", guarantee: enough })).toEqual([
        400,
        "Setting quota on nested role 'a/b' is not supported yet",
      ]);
      expect(await set({ role: "c/b", guarantee: [cpus(0)] })).toEqual([
        400,
        "Setting quota on nested role 'c/b' is not supported yet",
      ]);
      const parent = "Parent role 'a' with guarantees (cpus:2; mem:10)";
      expect(await set({ role: "a/b", guarantee: tooMuch })).toEqual([
        400,
        `Failed to validate set quota request: Invalid quota configuration. ${parent} does not contain the sum of its children's guarantees (cpus:2; mem:20)`,
      ]);
    });

    test("of more than there is is a conflict, unless it is forced", async () => {
      const conflict = (sum: string) => [
        409,
        `Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees '${sum}' exceed cluster capacity 'CAPACITY'`,
      ];
      expect(await set({ role: "a", guarantee: [cpus(9)] })).toEqual(conflict("cpus:9"));
      expect(await set({ role: "a", guarantee: [cpus(5)] })).toEqual([200, ""]);
      expect(await set({ role: "*", guarantee: [cpus(3.5)] })).toEqual(conflict("cpus:8.5"));
      expect(await set({ role: "*", force: true, guarantee: [cpus(3.5)] })).toEqual([200, ""]);
    });
  });

  describe("/quota", () => {
    test.each<[string, string]>([
      ["", "parse set quota request JSON '': syntax error at line 1 near: "],
      ["x", "parse set quota request JSON 'x': syntax error at line 1 near: x"],
      ["[]", "parse set quota request JSON '[]': Unexpected JSON type parsed"],
      ["{} x", "parse set quota request JSON '{} x': Parsed JSON included non-whitespace trailing characters:  x"],
      ['{"role":1}', `validate set quota request JSON '{"role":1}': Not expecting a JSON number for field 'role'`],
      [
        '{"guarantee":[{}]}',
        `validate set quota request JSON '{"guarantee":[{}]}': Missing required fields: guarantee[0].name, guarantee[0].type`,
      ],
    ])("a POST of '%s' is refused", async (body, text) => {
      expect(answer(await send(`${mesos().master}/quota`, { body }))).toEqual([400, `Failed to ${text}`]);
    });

    test.each<[string, string]>([
      ["/quota", "parse remove quota request for path '/master/quota': expected 3 tokens, found 2 tokens"],
      ["/master/quota//", "parse remove quota request for path '/master/quota//': expected 3 tokens, found 2 tokens"],
      ["/quota/a?b=c", "remove quota for path '/master/quota/a': Role 'a' has no quota set"],
      ["/master/quota/a/", "remove quota for path '/master/quota/a/': Role 'a/' has no quota set"],
      ["/quota//a/b", "remove quota for path '/master/quota//a/b': Role 'a/b' has no quota set"],
      ["/quota/a%20b", "remove quota for path '/master/quota/a%20b': Role 'a%20b' has no quota set"],
    ])("a DELETE of '%s' is refused", async (path, text) => {
      const refused = await send(`${mesos().master}${path}`, { method: "DELETE" });
      expect(answer(refused)).toEqual([400, `Failed to ${text}`]);
    });

    test.each(["/quota", "/quota/", "/quota/a", "/master/quota", "/master/quota/a"])(
      "%s knows GET, POST and DELETE",
      async (path) => {
        const refused = await send(`${mesos().master}${path}`, { method: "PUT" });
        expect(answer(refused)).toEqual([
          405,
          "405 Method Not Allowed. Expecting one of { 'GET', 'POST', 'DELETE' }, but received 'PUT'.",
        ]);
        expect(refused.headers.allow).toBe("GET, POST, DELETE");
        expect(await getJson(`${mesos().master}${path}`)).toEqual({});
      },
    );
  });

  describe("that is set", () => {
    test.each(codecs)("is shown, as $name, in both forms", async (codec) => {
      const { master } = mesos();
      const get = async () => (await ask(master, { type: Call_Type.GET_QUOTA }, codec)).getQuota?.status;
      expect(await get()).toEqual({ infos: [], configs: [] });
      await update(
        quota("a", { guarantees: { mem: 1.23456, cpus: 2, disk: 0.0004 }, limits: { cpus: 4, disk: 0.0004 } }),
      );
      const status = await get();
      expect(status?.configs).toMatchObject([
        {
          role: "a",
          guarantees: { mem: { value: 1.23456 }, cpus: { value: 2 } },
          limits: { cpus: { value: 4 }, disk: { value: 0.0004 } },
        },
      ]);
      expect(Object.keys(status?.configs[0]?.guarantees ?? {}).sort()).toEqual(["cpus", "mem"]);
      const expected = [
        { name: "cpus", type: "SCALAR", scalar: { value: 2 } },
        { name: "mem", type: "SCALAR", scalar: { value: 1.23456 } },
      ];
      const { infos } = (await getJson(`${master}/master/quota`)) as { infos: unknown[] };
      expect(infos).toEqual([{ role: "a", guarantee: expected }]);
      expect((await rolesOf(master)).a?.quota).toEqual({
        role: "a",
        guarantee: { cpus: 2, mem: 1.23456 },
        limit: { cpus: 4, disk: 0.0004 },
        consumed: {},
      });
    });

    test("is replaced, and one of nothing stays until it is removed", async () => {
      await update(quota("a", { guarantees: { cpus: 1 }, limits: { cpus: 2 } }));
      await update(quota("a", { limits: { mem: 5 } }));
      expect(await shown()).toEqual([{ role: "a", limits: { mem: { value: 5 } } }]);
      await update(quota("a"));
      expect(await shown()).toEqual([{ role: "a" }]);
      expect(Object.keys(await rolesOf(mesos().master))).toEqual(["a"]);
      const remove = { type: "REMOVE_QUOTA", remove_quota: { role: "a" } };
      expect(answer(await operate(mesos().master, remove))).toEqual([200, ""]);
      expect(await shown()).toEqual([]);
      expect(await rolesOf(mesos().master)).toEqual({});
    });

    test("is removed by DELETE, also that of '*'", async () => {
      await update(quota("*", { limits: { cpus: 1 } }), quota("b"));
      for (const path of ["/quota/*", "/master/quota/b"]) {
        expect(answer(await send(`${mesos().master}${path}`, { method: "DELETE" }))).toEqual([200, ""]);
      }
      expect(await shown()).toEqual([]);
    });

    test("is in the metrics", async () => {
      await update(quota("m", { guarantees: { cpus: 1 }, limits: { mem: 5 } }));
      const own = async () => {
        const metrics = (await getJson(`${mesos().master}/metrics/snapshot`)) as Record<string, number>;
        return Object.entries(metrics).filter(([name]) => name.includes("/quota/roles/m/"));
      };
      // The allocator hears of a quota only after the one who sets it has its answer.
      expect(Object.fromEntries(await eventually(async () => ((await own()).length > 0 ? own() : undefined)))).toEqual({
        "allocator/mesos/quota/roles/m/resources/cpus/guarantee": 1,
        "allocator/mesos/quota/roles/m/resources/cpus/offered_or_allocated": 0,
        "allocator/mesos/quota/roles/m/resources/mem/limit": 5,
        "allocator/mesos/quota/roles/m/resources/mem/offered_or_allocated": 0,
      });
    });
  });
});
