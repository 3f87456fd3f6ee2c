import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatDuration } from "../../../embedded/duration.js";
import { parseAttributes } from "../../../embedded/resources/attributes.js";
import { downgradeResource, upgradeResource } from "../../../embedded/resources/format.js";
import { parseResources } from "../../../embedded/resources/parse.js";
import { Resources } from "../../../embedded/resources/resources.js";
import { Resource_ReservationInfo_Type, Value_Type } from "../../../gen/mesos/v1/mesos.js";

const bag = (text: string) => Resources.of(parseResources(text));

describe("resources", () => {
  test("scalars are counted in thousandths", () => {
    const sum = bag("cpus:0.1").plus(bag("cpus:0.2"));
    expect(sum.milli("cpus")).toBe(300);
    expect(bag("cpus:0.3").minus(sum).isEmpty).toBe(true);
    expect(bag("cpus:0.0004").isEmpty).toBe(true);
  });

  test("ranges and sets are cut and joined", () => {
    const ports = bag("ports:[31000-31009]");
    expect(ports.minus(bag("ports:[31003-31005]")).toString()).toBe("ports:[31000-31002, 31006-31009]");
    expect(bag("ports:[1-2, 3-4]").toString()).toBe("ports:[1-4]");
    expect(ports.contains(bag("ports:[31005-31010]"))).toBe(false);
    expect(bag("z:{b,a}").minus(bag("z:{a}")).toString()).toBe("z:{b}");
  });

  test("what is reserved differs from what is not", () => {
    expect(bag("cpus:2").contains(bag("cpus(role):1"))).toBe(false);
    expect(bag("cpus:2;cpus(role):1").milli("cpus")).toBe(3000);
  });

  test("a persistent volume is one thing", () => {
    const volume = (size: number) =>
      Resources.of(
        parseResources(`disk(r):${size}`).map((resource) => ({ ...resource, disk: { persistence: { id: "v" } } })),
      );
    expect(volume(10).contains(volume(10))).toBe(true);
    expect(volume(10).contains(volume(5))).toBe(false);
  });

  const amounts = fc.record({
    cpus: fc.integer({ min: 0, max: 8000 }),
    begin: fc.integer({ min: 0, max: 50 }),
    length: fc.integer({ min: 0, max: 20 }),
  });
  const random = amounts.map(({ cpus, begin, length }) =>
    bag(`cpus:${cpus / 1000};ports:[${begin}-${begin + length}]`),
  );

  test("taking away what was added leaves what was there, unless they overlap", () => {
    fc.assert(
      fc.property(random, random, (a, b) => {
        const sum = a.plus(b);
        expect(sum.contains(a) && sum.contains(b)).toBe(true);
        expect(sum.minus(b).milli("cpus")).toBe(a.milli("cpus"));
        expect(sum.minus(sum).isEmpty).toBe(true);
        expect(a.minus(b).plus(b).contains(a)).toBe(true);
      }),
    );
  });

  test("both formats of reservations say the same", () => {
    const dynamic = { type: Resource_ReservationInfo_Type.DYNAMIC, role: "r", principal: "p", labels: undefined };
    const old = {
      name: "cpus",
      type: Value_Type.SCALAR,
      scalar: { value: 1 },
      reservations: [],
      role: "r",
      reservation: { principal: "p" },
    };
    expect(upgradeResource(old).reservations).toEqual([dynamic]);
    expect(downgradeResource(upgradeResource(old))).toMatchObject({ role: "r", reservation: { principal: "p" } });
    expect(downgradeResource(upgradeResource({ ...old, role: undefined, reservation: undefined })).role).toBe("*");
  });

  test.each([
    ["cpus", "bad resource 'cpus'"],
    ["cpus:many", "'many' is not a number"],
    ["cpus:-1", "'-1' is not a number"],
    ["ports:[5-3]", "bad range '5-3'"],
    ["ports:[1-2", "bad ranges in"],
    ["z:{a,}", "bad set in"],
  ])("%s is no resource", (text, message) => {
    expect(() => parseResources(text)).toThrow(message);
  });

  test("attributes are text, numbers or ranges", () => {
    expect(parseAttributes("rack:a;level:3;ports:[1-2]").map(({ name, type }) => [name, type])).toEqual([
      ["rack", Value_Type.TEXT],
      ["level", Value_Type.SCALAR],
      ["ports", Value_Type.RANGES],
    ]);
  });

  test.each([
    ["rack", "write NAME:VALUE"],
    ["a:b;empty:", "write NAME:VALUE"],
    ["blank: ", "write NAME:VALUE"],
    [":x", "write NAME:VALUE"],
    ["neg:-3", "a number can't be negative"],
    ["big:-inf", "a number has to be finite"],
    ["big:Infinity", "a number has to be finite"],
    ["none:NaN", "a number has to be finite"],
    ["set:{x,y}", "an attribute can't be a set"],
    ["a:x[y]", "'[' stands in the middle"],
    ["a:x{y}", "'{' stands in the middle"],
    ["r:[1-2", "a bracket has no other"],
    ["r:)(", "a bracket has no other"],
    ["r:[1]", "write [BEGIN-END, BEGIN-END]"],
    ["r:[1-2]x", "write [BEGIN-END, BEGIN-END]"],
    ["r:[a-b]", "write [BEGIN-END, BEGIN-END]"],
    ["r:[1-18446744073709551616]", "write [BEGIN-END, BEGIN-END]"],
  ])("attribute '%s' is refused: %s", (text, why) => {
    expect(() => parseAttributes(text)).toThrow(`bad attribute '${text.split(";").at(-1)}': ${why}`);
  });
});

describe("durations", () => {
  test.each([
    [5000, "5secs"],
    [90_000, "90secs"],
    [1500, "1500ms"],
    [900_000, "15mins"],
    [60_000, "1mins"],
    [0, "0ns"],
  ])("%d ms is %s", (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});
