import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pack } from "../../../clients/typescript/invert/packing.js";
import { amounts, ResourcePool } from "../../../clients/typescript/library/resources.js";
import { Offer, Resource, Resource_ReservationInfo_Type, Value_Type } from "../../../gen/mesos/v1/mesos.js";

const scalar = (name: string, value: number, more: Partial<Resource> = {}) =>
  Resource.create({ name, type: Value_Type.SCALAR, scalar: { value }, allocationInfo: { role: "r" }, ...more });

const offer = (agent: string, ...resources: Resource[]) =>
  Offer.create({ id: { value: `o-${agent}` }, agentId: { value: agent }, hostname: agent, resources });

const needs = { task: amounts(0.5, 256), executor: amounts(0.1, 64) };

describe("a pool of offered resources", () => {
  it("counts in thousandths: ten times 0.1 CPU are one CPU", () => {
    const pool = new ResourcePool([scalar("cpus", 1), scalar("mem", 1000)]);
    for (let i = 0; i < 10; i++) expect(pool.take(amounts(0.1, 100))?.[0]?.scalar?.value).toBe(0.1);
    expect(pool.left).toEqual({ cpus: 0, mem: 0, disk: 0 });
    expect(pool.take(amounts(0.001, 0))).toBeUndefined();
  });

  it("keeps role, reservation and allocation as offered, and uses reserved resources first", () => {
    const reservations = [{ type: Resource_ReservationInfo_Type.DYNAMIC, role: "r", principal: "p" }];
    const reserved = scalar("cpus", 0.3, { reservations });
    const pool = new ResourcePool([scalar("cpus", 1), reserved, scalar("mem", 500)]);
    expect(pool.take(amounts(0.5, 100))).toEqual([
      scalar("cpus", 0.3, { reservations }),
      scalar("cpus", 0.2),
      scalar("mem", 100),
    ]);
  });

  it("leaves out what may be taken away again, and takes nothing when one resource is short", () => {
    const pool = new ResourcePool([scalar("cpus", 4, { revocable: {} }), scalar("cpus", 1), scalar("mem", 10)]);
    expect(pool.take(amounts(1, 11))).toBeUndefined();
    expect(pool.left).toEqual({ cpus: 1000, mem: 10_000, disk: 0 });
  });
});

describe("packing", () => {
  it("spreads tasks over the agents, each with one executor", () => {
    const packed = pack(
      [offer("a", scalar("cpus", 8), scalar("mem", 8192)), offer("b", scalar("cpus", 8), scalar("mem", 8192))],
      5,
      needs,
      () => false,
    );
    expect(packed.map(({ tasks }) => tasks.length)).toEqual([3, 2]);
    for (const { executor } of packed) expect(executor).toEqual([scalar("cpus", 0.1), scalar("mem", 64)]);
  });

  it("fills a small offer to the brim, and no further", () => {
    const exact = offer("a", scalar("cpus", 1.1), scalar("mem", 576));
    expect(pack([exact], 9, needs, () => false)[0]?.tasks.length).toBe(2);
    const short = offer("a", scalar("cpus", 1.099), scalar("mem", 576));
    expect(pack([short], 9, needs, () => false)[0]?.tasks.length).toBe(1);
    expect(pack([short], 9, needs, () => true)[0]).toMatchObject({ executor: undefined, tasks: [{}, {}] });
  });

  it("takes no executor where no task fits, and nothing of what is not needed", () => {
    const small = offer("a", scalar("cpus", 0.5), scalar("mem", 256));
    expect(pack([small], 1, needs, () => false)).toEqual([{ offer: small, executor: undefined, tasks: [] }]);
    const large = offer("b", scalar("cpus", 8), scalar("mem", 8192));
    expect(pack([large], 0, needs, () => false)[0]?.tasks).toEqual([]);
  });

  it("never takes more than is offered, and gives out all tasks that fit", () => {
    const cpus = fc.integer({ min: 0, max: 4000 });
    fc.assert(
      fc.property(fc.array(cpus, { minLength: 1, maxLength: 4 }), fc.nat(30), (offered, count) => {
        const offers = offered.map((milli, i) => offer(`${i}`, scalar("cpus", milli / 1000), scalar("mem", 100_000)));
        const packed = pack(offers, count, needs, () => false);
        const used = packed.map(({ executor, tasks }) =>
          [...(executor ?? []), ...tasks.flat()]
            .filter(({ name }) => name === "cpus")
            .reduce((sum, { scalar: value }) => sum + Math.round((value?.value ?? 0) * 1000), 0),
        );
        const fit = offered.reduce((sum, milli) => sum + Math.max(0, Math.floor((milli - 100) / 500)), 0);
        expect(packed.reduce((sum, { tasks }) => sum + tasks.length, 0)).toBe(Math.min(fit, count));
        for (const [i, milli] of offered.entries()) expect(used[i]).toBeLessThanOrEqual(milli);
      }),
    );
  });
});
