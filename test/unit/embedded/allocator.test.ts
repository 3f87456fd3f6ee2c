import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Allocation, Allocator } from "../../../embedded/master/allocator.js";
import { parseResources } from "../../../embedded/resources/parse.js";
import { Resources } from "../../../embedded/resources/resources.js";
import { FrameworkInfo_Capability_Type as Capability, FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { ManualClock } from "./support/manualClock.js";

const bag = (text: string) => Resources.of(parseResources(text));

describe("allocator", () => {
  let clock: ManualClock;
  let allocator: Allocator;
  let offered: Array<{ framework: string; agent: string; role: string; resources: Resources }>;

  beforeEach(() => {
    clock = new ManualClock();
    offered = [];
    allocator = new Allocator({
      clock,
      intervalMs: 1000,
      minAllocatable: "cpus:0.01|mem:32",
      onAllocated: () => {},
      isEligible: () => true,
      onAllocation: (framework: string, allocation: Allocation) => {
        for (const [role, agents] of allocation) {
          for (const [agent, resources] of agents) offered.push({ framework, agent, role, resources });
        }
      },
    });
  });

  afterEach(() => {
    allocator.close();
    expect(clock.pending).toBe(0);
  });

  function addFramework(id: string, info: Parameters<typeof FrameworkInfo.create>[0] = {}): void {
    allocator.addFramework(id, FrameworkInfo.create(info), [], true);
  }

  function giveBack(index: number, refuseSeconds?: number): void {
    const offer = offered[index];
    if (!offer) throw new Error(`there is no offer ${index}`);
    allocator.recover(offer.framework, offer.agent, offer.resources, { refuseSeconds });
  }

  test("offers all that is free, once", async () => {
    allocator.addAgent("a", bag("cpus:8;mem:1024"), new Map());
    addFramework("f");
    await clock.advance(5000);
    expect(offered).toHaveLength(1);
    expect(offered[0]?.resources.toString()).toBe("cpus(allocated: *):8; mem(allocated: *):1024");
  });

  test("a refusal keeps an agent away for its time, five seconds by default", async () => {
    allocator.addAgent("a", bag("cpus:8;mem:1024"), new Map());
    addFramework("f");
    await clock.advance(0);
    giveBack(0);
    await clock.advance(4900);
    expect(offered).toHaveLength(1);
    await clock.advance(1200);
    expect(offered).toHaveLength(2);
  });

  test("an agent with more free than was refused is offered again", async () => {
    allocator.addAgent("a", bag("cpus:8;mem:1024"), new Map([["f", bag("cpus:2").allocatedTo("*")]]));
    addFramework("f");
    await clock.advance(0);
    giveBack(0, 3600);
    await clock.advance(3000);
    expect(offered).toHaveLength(1);
    allocator.recover("f", "a", bag("cpus:2").allocatedTo("*"));
    await clock.advance(1000);
    expect(offered[1]?.resources.milli("cpus")).toBe(8000);
  });

  test("refuse_seconds 0 is no filter; suppressing stops offers, reviving clears filters", async () => {
    allocator.addAgent("a", bag("cpus:8;mem:1024"), new Map());
    addFramework("f");
    await clock.advance(0);
    giveBack(0, 0);
    await clock.advance(1000);
    expect(offered).toHaveLength(2);
    allocator.suppress("f", ["*"]);
    giveBack(1, 3600);
    await clock.advance(10_000);
    expect(offered).toHaveLength(2);
    allocator.revive("f", ["*"]);
    await clock.advance(0);
    expect(offered).toHaveLength(3);
  });

  test("two frameworks share two agents", async () => {
    addFramework("f");
    addFramework("g");
    allocator.addAgent("a", bag("cpus:8;mem:1024"), new Map());
    allocator.addAgent("b", bag("cpus:8;mem:1024"), new Map());
    await clock.advance(1000);
    expect(offered.map(({ framework }) => framework).sort()).toEqual(["f", "g"]);
  });

  test("reserved resources go to their role and those below it", async () => {
    const capabilities = [{ type: Capability.MULTI_ROLE }, { type: Capability.RESERVATION_REFINEMENT }];
    addFramework("f", { roles: ["x"], capabilities });
    allocator.addAgent("a", bag("cpus:1;cpus(y):7"), new Map());
    await clock.advance(1000);
    expect(offered[0]?.resources.milli("cpus")).toBe(1000);
    addFramework("g", { roles: ["y/z"], capabilities });
    await clock.advance(1000);
    expect(offered[1]).toMatchObject({ framework: "g", role: "y/z" });
    expect(offered[1]?.resources.milli("cpus")).toBe(7000);
  });

  test("what a framework uses in two roles counts for each of them", async () => {
    const used = bag("cpus:1").allocatedTo("x").plus(bag("cpus:6").allocatedTo("y"));
    addFramework("of y", { role: "y" });
    addFramework("of x", { role: "x" });
    allocator.addAgent("a", bag("cpus:7"), new Map([["f", used]]));
    allocator.addAgent("b", bag("cpus:8;mem:1024"), new Map());
    await clock.advance(0);
    expect(offered).toMatchObject([{ framework: "of x", agent: "b" }]);
    allocator.removeAgent("a", new Map([["f", used]]));
    giveBack(0, 0);
    allocator.holdings.quotas.set("y", { guarantees: new Map(), limits: new Map([["cpus", 2000]]) });
    allocator.suppress("of x", ["x"]);
    await clock.advance(1000);
    expect(offered[1]?.resources.milli("cpus")).toBe(2000);
  });

  test("crumbs are not offered, unless the framework wants them", async () => {
    addFramework("f");
    allocator.addAgent("a", bag("cpus:0.005;mem:16"), new Map());
    await clock.advance(2000);
    expect(offered).toHaveLength(0);
    const quantities = [{ quantities: { mem: { value: 8 } } }];
    addFramework("g", { offerFilters: { "*": { minAllocatableResources: { quantities } } } });
    await clock.advance(1000);
    expect(offered.map(({ framework }) => framework)).toEqual(["g"]);
  });
});
