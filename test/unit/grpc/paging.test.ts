import fc from "fast-check";
import { expect, test } from "vitest";
import { pageOf } from "../../../server/grpc/paging.js";
import { BridgeError } from "../../../server/session/errors.js";

const itself = (item: string) => item;

/** What a collection that keeps its items in order gives. */
function behind(items: Iterable<string>) {
  return (key: string | undefined) => [...items].filter((item) => key === undefined || item > key).sort();
}

function allPages(items: () => Iterable<string>, pageSize: number): string[][] {
  const pages: string[][] = [];
  let pageToken = "";
  do {
    const page = pageOf(behind(items()), itself, { pageSize, pageToken });
    pages.push([...page.items]);
    pageToken = page.nextPageToken;
    expect(pages.length).toBeLessThan(1_000);
  } while (pageToken !== "");
  return pages;
}

test("pages hold all items once, in order", () => {
  const names = fc.uniqueArray(fc.string({ unit: "grapheme" }), { maxLength: 40 });
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 12 }), (items, size) => {
      const pages = allPages(() => items, size);
      expect(pages.flat()).toEqual([...items].sort((a, b) => (a < b ? -1 : 1)));
      expect(pages.slice(0, -1).every((page) => page.length === size)).toBe(true);
    }),
  );
});

test("items that come and go in between neither repeat nor hide others", () => {
  const items = new Set(["b", "d", "f", "h"]);
  const first = pageOf(behind(items), itself, { pageSize: 2, pageToken: "" });
  expect(first.items).toEqual(["b", "d"]);
  items.delete("d");
  items.add("a").add("e");
  const second = pageOf(behind(items), itself, { pageSize: 2, pageToken: first.nextPageToken });
  expect(second.items).toEqual(["e", "f"]);
  expect(pageOf(behind(items), itself, { pageSize: 2, pageToken: second.nextPageToken })).toEqual({
    items: ["h"],
    nextPageToken: "",
  });
});

test.each([
  [0, 100],
  [1, 1],
  [1_000, 1_000],
  [1_001, 1_000],
  [2 ** 31 - 1, 1_000],
])("a page_size of %d gives %d", (pageSize, given) => {
  const items = Array.from({ length: 2_000 }, (_, i) => String(i));
  expect(pageOf(behind(items), itself, { pageSize, pageToken: "" }).items.length).toBe(given);
});

test("no more items are read than the page holds, and one", () => {
  const read: number[] = [];
  const endless = function* () {
    for (let i = 0; ; i++) {
      read.push(i);
      yield i;
    }
  };
  expect(pageOf(endless, String, { pageSize: 10, pageToken: "" }).items.length).toBe(10);
  expect(read.length).toBe(11);
  // Of 1 MiB each, three fit.
  read.length = 0;
  const mib = () => 1024 * 1024;
  expect(pageOf(endless, String, { pageSize: 10, pageToken: "" }, mib).items.length).toBe(3);
  expect(read.length).toBe(4);
  expect(pageOf(endless, String, { pageSize: 10, pageToken: "" }, () => 4 * mib()).items.length).toBe(1);
});

test("the last page has no token, also when it is full", () => {
  expect(pageOf(behind(["a", "b"]), itself, { pageSize: 2, pageToken: "" }).nextPageToken).toBe("");
  expect(pageOf(behind([]), itself, { pageSize: 2, pageToken: "" })).toEqual({ items: [], nextPageToken: "" });
});

test("what can't be asked for is an error that names the field", () => {
  const ask = (request: { pageSize: number; pageToken: string }) => () => pageOf(behind(["a"]), itself, request);
  expect(ask({ pageSize: -1, pageToken: "" })).toThrow("page_size must not be negative");
  for (const pageToken of ["x", "2.YQ", "1.a b", "1.=="]) {
    expect(ask({ pageSize: 0, pageToken })).toThrow(/^page_token is not a token of this method/);
    expect(ask({ pageSize: 0, pageToken })).toThrow(BridgeError);
  }
});

test("any token gives a page or that error", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (token) => {
      for (const pageToken of [token, `1.${Buffer.from(token).toString("base64url")}`]) {
        try {
          expect(pageOf(behind(["a", "b"]), itself, { pageSize: 0, pageToken }).items.length).toBeLessThanOrEqual(2);
        } catch (error) {
          expect(error).toMatchObject({ reason: "INVALID_FIELD" });
        }
      }
    }),
  );
});
