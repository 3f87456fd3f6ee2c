import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KeptItems } from "../../../server/store/keptItems.js";

interface Item {
  readonly key: string;
  readonly value: string;
}

/** Items, and a file that they are written to. */
class Rig {
  readonly items = new KeptItems<Item>({
    keyOf: ({ key }) => key,
    bytesOf: ({ value }) => value.length,
    isSame: (one, other) => one.value === other.value,
  });
  readonly file = new Map<string, string>();
  #written: (() => void) | undefined;

  get isSaving(): boolean {
    return this.#written !== undefined;
  }

  save(): void {
    const put: Item[] = [];
    const removed: string[] = [];
    const onlyRemovals = !this.items.save({
      put: (some) => put.push(...some),
      remove: (some) => removed.push(...some),
    });
    expect(onlyRemovals).toBe(put.length === 0);
    this.#written = () => {
      for (const { key, value } of put) this.file.set(key, value);
      for (const key of removed) this.file.delete(key);
    };
  }

  settle(written: boolean): void {
    if (written) this.#written?.();
    this.#written = undefined;
    this.items.settle(written);
  }

  /** What the items are, and what a copy of the file gets. */
  get seen() {
    const { items } = this;
    const of = (some: Iterable<Item>) => Array.from(some, ({ key, value }) => `${key} ${value}`).sort();
    return { all: of(items.values()), saved: of(items.saved()) };
  }

  get inFile(): string[] {
    return Array.from(this.file, ([key, value]) => `${key} ${value}`).sort();
  }
}

const keys = fc.constantFrom("a", "b", "c");
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ put: keys, value: fc.constantFrom("1", "2", "33") }) },
  { weight: 2, arbitrary: fc.record({ remove: keys }) },
  { weight: 2, arbitrary: fc.constant({ save: true }) },
  { weight: 2, arbitrary: fc.record({ settle: fc.boolean() }) },
  { weight: 1, arbitrary: fc.constant({ saveAllAgain: true }) },
);

describe("items that are kept", () => {
  test("are as they should be, a copy has what the file has, and all is written in the end", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const rig = new Rig();
        const wanted = new Map<string, string>();
        for (const one of steps) {
          if ("put" in one) {
            rig.items.put({ key: one.put, value: one.value });
            wanted.set(one.put, one.value);
          } else if ("remove" in one) {
            rig.items.remove(one.remove);
            wanted.delete(one.remove);
          } else if ("settle" in one) rig.settle(one.settle);
          else if ("saveAllAgain" in one) rig.items.saveAllAgain();
          else if (!rig.isSaving) rig.save();
          expect(rig.seen.all).toEqual(Array.from(wanted, ([key, value]) => `${key} ${value}`).sort());
          expect(rig.seen.saved).toEqual(rig.inFile);
          expect(rig.items.bytes).toBe([...wanted.values()].join("").length);
        }
        rig.settle(false);
        rig.save();
        rig.settle(true);
        expect(rig.inFile).toEqual(rig.seen.all);
        expect(rig.items.unsavedCount).toBe(0);
        expect(rig.items.isEmpty).toBe(wanted.size === 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("that came and went before they were written are no change", () => {
    const { items } = new Rig();
    items.put({ key: "a", value: "1" });
    items.remove("a");
    expect([items.unsavedCount, items.isEmpty]).toEqual([0, true]);
  });

  test("come back when their removal fails, with what has come since", () => {
    const aside = new Rig();
    for (const key of ["a", "b"]) aside.items.put({ key, value: "old" });
    aside.save();
    aside.settle(true);
    const rig = new Rig();
    rig.items.put({ key: "b", value: "new" });
    rig.items.takeBack(aside.items);
    expect(rig.seen.all).toEqual(["a old", "b new"]);
    rig.save();
    rig.settle(true);
    expect(rig.inFile).toEqual(["a old", "b new"]);
  });
});
