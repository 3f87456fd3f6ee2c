import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ListedKeys } from "../../../server/session/listedKeys.js";
import { SortedKeys } from "../../../server/session/sortedKeys.js";

/** What a set of strings gives that is sorted for each question. */
function sortedAfter(keys: Iterable<string>, key: string | undefined): string[] {
  return [...keys].filter((each) => key === undefined || each > key).sort();
}

/** Keys of which many are neighbours, and some are ordered otherwise by their bytes than by their UTF-16 code units. */
const anyKey = fc.oneof(
  fc.integer({ min: 0, max: 3_000 }).map(String),
  fc.constantFrom("", "\u0000", "\uffff", "\u{1f600}", "\ue000"),
  fc.string({ maxLength: 3, unit: "binary" }),
);
const numbers = (count: number) => Array.from({ length: count }, (_, i) => String(i));

/** Some to begin with, more that come in order, and then what comes and goes at any place. */
const history = fc.record({
  first: fc.nat({ max: 3_000 }).map(numbers),
  steps: fc.array(fc.record({ add: fc.boolean(), key: anyKey }), { maxLength: 300 }),
  questions: fc.array(fc.option(anyKey, { nil: undefined }), { minLength: 1, maxLength: 10 }),
});

describe("sorted keys", () => {
  test("are what a set is that is sorted for each question", () => {
    fc.assert(
      fc.property(history, ({ first, steps, questions }) => {
        const keys = new SortedKeys(first);
        const model = new Set(first);
        for (const { add, key } of steps) {
          if (add) keys.add(key);
          else keys.delete(key);
          if (add) model.add(key);
          else model.delete(key);
        }
        expect(keys.size).toBe(model.size);
        for (const question of questions) expect([...keys.after(question)]).toEqual(sortedAfter(model, question));
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ["in order", (i: number) => i],
    ["in reverse", (i: number) => 9_999 - i],
    ["all over the place", (i: number) => (i * 7_919) % 10_000],
  ])("come and go %s", (_, nth) => {
    const ids = Array.from({ length: 10_000 }, (_, i) => `id-${String(nth(i)).padStart(4, "0")}`);
    const keys = new SortedKeys();
    for (const id of ids) keys.add(id);
    expect([...keys.after(undefined)]).toEqual(ids.toSorted());
    for (const id of ids.slice(0, 9_990)) keys.delete(id);
    expect([...keys.after(undefined)]).toEqual(ids.slice(9_990).sort());
    for (const id of ids) keys.delete(id);
    expect([keys.size, ...keys.after(undefined)]).toEqual([0]);
  });
});

describe("listed keys", () => {
  test("are those of their collection, whenever someone lists", () => {
    const moves = fc.array(
      fc.oneof(
        { weight: 10, arbitrary: fc.record({ do: fc.constantFrom("add", "remove"), key: anyKey }) },
        { weight: 3, arbitrary: fc.record({ do: fc.constant("list"), key: fc.option(anyKey, { nil: undefined }) }) },
        // So many that the order is not kept.
        { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("flood", "clear"), key: fc.constant(undefined) }) },
      ),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(moves, (all) => {
        const collection = new Set(numbers(100));
        const listed = new ListedKeys(() => [...collection]);
        const add = (key: string) => {
          collection.add(key);
          listed.added(key);
        };
        const remove = (key: string) => {
          collection.delete(key);
          listed.removed(key);
        };
        for (const move of all) {
          if (move.do === "list") expect([...listed.after(move.key)]).toEqual(sortedAfter(collection, move.key));
          else if (move.do === "add" && move.key !== undefined) add(move.key);
          else if (move.do === "remove" && move.key !== undefined) remove(move.key);
          else if (move.do === "flood") for (const key of numbers(2_000)) (Number(key) % 3 === 0 ? remove : add)(key);
          else if (move.do === "clear") {
            collection.clear();
            listed.cleared();
          }
        }
        expect([...listed.after(undefined)]).toEqual(sortedAfter(collection, undefined));
      }),
      { numRuns: 100 },
    );
  });

  test("are put in order once for many pages, and never where no one lists", () => {
    let sorted = 0;
    const collection = new Set(numbers(5_000));
    const listed = new ListedKeys(() => {
      sorted += 1;
      return [...collection];
    });
    const comeAndGo = (count: number) => {
      for (let i = 0; i < count; i++) {
        collection.add(`new ${i}`);
        listed.added(`new ${i}`);
        collection.delete(`new ${i}`);
        listed.removed(`new ${i}`);
      }
    };
    comeAndGo(10_000);
    expect(sorted).toBe(0);
    for (let page = 0; page < 50; page++) {
      expect([...listed.after("4")].length).toBe(sortedAfter(collection, "4").length);
      comeAndGo(1_000);
    }
    expect(sorted).toBe(1);
    comeAndGo(10_000);
    expect([...listed.after(undefined)].length).toBe(5_000);
    expect(sorted).toBe(2);
  });
});
