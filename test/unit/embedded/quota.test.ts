import { afterEach, describe, expect, test } from "vitest";
import { Flags } from "../../../embedded/flags.js";
import { JsonFolder } from "../../../embedded/jsonFolder.js";
import { Allocator } from "../../../embedded/master/allocator.js";
import { Registry } from "../../../embedded/master/registry.js";
import { roleCall } from "../../../embedded/master/roleApi.js";
import { roleMetrics } from "../../../embedded/master/roleMetrics.js";
import { rolesJson } from "../../../embedded/master/roles.js";
import { MasterState } from "../../../embedded/master/state.js";
import { parseResources } from "../../../embedded/resources/parse.js";
import { Resources } from "../../../embedded/resources/resources.js";
import { Call, Call_Type } from "../../../gen/mesos/v1/master/master.js";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { Cleanup } from "../../support/cleanup.js";
import { type EmbeddedMesos, startEmbeddedMesos } from "../../support/embeddedMesos.js";
import { expectLinear, GROWTH_TIMEOUT_MS } from "../../support/growth.js";
import { getJson, send } from "../../support/http.js";
import { operate, quota, updateQuota } from "../../support/operator.js";
import { ManualClock } from "./support/manualClock.js";

const bag = (text: string) => Resources.of(parseResources(text));

describe("an allocator that waits for agents to come back", () => {
  const clock = new ManualClock();
  let offered: string[] = [];

  function start(): Allocator {
    offered = [];
    const allocator = new Allocator({
      clock,
      intervalMs: 1000,
      minAllocatable: "cpus:0.01|mem:32",
      onAllocated: () => {},
      isEligible: () => true,
      onAllocation: (_, allocation) => {
        for (const agents of allocation.values()) offered.push(...agents.keys());
      },
    });
    allocator.holdOff(2, 600_000);
    allocator.addFramework("f", FrameworkInfo.create({}), [], true);
    allocator.addAgent("a", bag("cpus:1;mem:100"), new Map());
    return allocator;
  }

  test("offers nothing until they are there, and then all", async () => {
    const allocator = start();
    await clock.advance(5000);
    expect(offered).toEqual([]);
    allocator.addAgent("b", bag("cpus:1;mem:100"), new Map());
    await clock.advance(0);
    expect(offered).toEqual(["a", "b"]);
    allocator.close();
    expect(clock.pending).toBe(0);
  });

  test("does not wait for ever", async () => {
    const allocator = start();
    await clock.advance(599_000);
    expect(offered).toEqual([]);
    await clock.advance(2000);
    expect(offered).toEqual(["a"]);
    allocator.close();
    expect(clock.pending).toBe(0);
  });

  test("leaves no timer behind when it is closed", () => {
    start().close();
    expect(clock.pending).toBe(0);
  });
});

describe("calls with many roles take time by how many there are", () => {
  const clock = new ManualClock();
  const roles = (count: number) => Array.from({ length: count }, (_, index) => `role-${index}`);

  /** Makes the call, and then has the roles shown. */
  function timed(call: (count: number) => Parameters<typeof Call.fromPartial>[0]): (count: number) => () => void {
    return (count) => {
      const message = Call.fromPartial(call(count));
      return () => {
        const state = new MasterState({ clock, flags: new Flags(), registry: new Registry(), port: 0, log: () => {} });
        expect(roleCall(state, message)).toEqual({ status: 200 });
        rolesJson(state);
        roleMetrics(state);
        state.allocator.close();
      };
    };
  }

  test(
    "UPDATE_QUOTA",
    () => {
      const scalars = { cpus: { value: 1 }, mem: { value: 1 } };
      const call = (count: number) => ({
        type: Call_Type.UPDATE_QUOTA,
        updateQuota: {
          force: true,
          quotaConfigs: roles(count).map((role) => ({ role, guarantees: scalars, limits: scalars })),
        },
      });
      expectLinear("UPDATE_QUOTA", 2000, timed(call));
    },
    GROWTH_TIMEOUT_MS,
  );

  test(
    "UPDATE_WEIGHTS",
    () => {
      const call = (count: number) => ({
        type: Call_Type.UPDATE_WEIGHTS,
        updateWeights: { weightInfos: roles(count).map((role) => ({ role, weight: 2 })) },
      });
      expectLinear("UPDATE_WEIGHTS", 2000, timed(call));
    },
    GROWTH_TIMEOUT_MS,
  );
});

describe("a registry on disk", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());

  async function newFolder(): Promise<JsonFolder> {
    return new JsonFolder(await cleanup.tempDir());
  }

  test("keeps quotas and weights, infinite ones too, in their order", async () => {
    const folder = await newFolder();
    const registry = new Registry(folder);
    registry.quotas.set("b", { guarantees: new Map([["cpus", 1.5]]), limits: new Map() });
    registry.quotas.set("a", { guarantees: new Map(), limits: new Map([["mem", 0]]) });
    registry.weights.set("y", Number.POSITIVE_INFINITY);
    registry.weights.set("x", 0.1);
    registry.save();
    const again = new Registry(folder);
    expect([...again.quotas]).toEqual([...registry.quotas]);
    expect([...again.weights]).toEqual([...registry.weights]);
  });

  test("of an earlier version has none", async () => {
    const folder = await newFolder();
    folder.write("registry", { admitted: [], unreachable: [["agent", 5]], gone: [], schedule: "", machines: [] });
    const { quotas, weights, unreachable } = new Registry(folder);
    expect([quotas.size, weights.size, unreachable.get("agent")]).toEqual([0, 0, 5]);
  });
});

describe("requests on which a real master aborts", () => {
  const cleanup = new Cleanup();
  afterEach(() => cleanup.run());
  const FATAL = "A Mesos 1.11.0 master would have aborted on this: ";

  async function start(): Promise<EmbeddedMesos> {
    return cleanup.use(await startEmbeddedMesos({ resources: "cpus:4;mem:1024" }));
  }

  test("REMOVE_QUOTA of a role that has none is refused, and logged", async () => {
    const mesos = await start();
    const remove = (role: string) => operate(mesos.master, { type: "REMOVE_QUOTA", remove_quota: { role } });
    await updateQuota(mesos.master, [quota("a")]);
    expect(await remove("a")).toMatchObject({ status: 200 });
    for (const role of ["a", "", "*", "a/b"]) {
      expect(await remove(role)).toMatchObject({ status: 400, text: `${FATAL}role '${role}' has no quota set` });
    }
    expect(await mesos.log()).toContain(`${FATAL}role '*' has no quota set`);
  });

  test("a forced SET_QUOTA of more than a quota can be is refused, and changes nothing", async () => {
    const mesos = await start();
    const set = (name: string, value: number) => {
      const guarantee = [{ name, type: "SCALAR", scalar: { value } }];
      return send(`${mesos.master}/quota`, { body: JSON.stringify({ role: name, force: true, guarantee }) });
    };
    const text = (name: string) => `${FATAL}a quota of more ${name} than a cluster can have`;
    expect(await set("cpus", 1e12 + 1)).toMatchObject({ status: 400, text: text("cpus") });
    expect(await set("mem", 2 ** 40 + 1)).toMatchObject({ status: 400, text: text("mem") });
    expect(await getJson(`${mesos.master}/quota`)).toEqual({});
    expect(await set("cpus", 1e12)).toMatchObject({ status: 200 });
    expect(await set("mem", 2 ** 40)).toMatchObject({ status: 200 });
  });
});
