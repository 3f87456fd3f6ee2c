import { type Resource, Value_Type } from "../../gen/mesos/v1/mesos.js";
import { generalText } from "./number.js";

/**
 * A resource's amount. Scalars are counted in whole thousandths, as by Mesos: 0.1 + 0.2 is 0.3. One that was not added to or
 * subtracted from is shown with all its decimals.
 */
export type Amount =
  | { readonly kind: "scalar"; readonly milli: number; readonly exact?: number }
  | { readonly kind: "ranges"; readonly ranges: readonly Range[] }
  | { readonly kind: "set"; readonly items: readonly string[] };
/** Both ends belong to it. */
export type Range = readonly [begin: bigint, end: bigint];

export function amountOf(resource: Resource): Amount {
  if (resource.type === Value_Type.RANGES) {
    const ranges = (resource.ranges?.range ?? []).map((range): Range => [range.begin ?? 0n, range.end ?? 0n]);
    return { kind: "ranges", ranges: coalesce(ranges) };
  }
  if (resource.type === Value_Type.SET) return { kind: "set", items: [...(resource.set?.item ?? [])].sort() };
  const exact = resource.scalar?.value ?? 0;
  return { kind: "scalar", milli: toMilli(exact), exact };
}

/** The fields of a Resource that hold an amount. */
export function amountFields(amount: Amount): Pick<Resource, "type" | "scalar" | "ranges" | "set"> {
  switch (amount.kind) {
    case "scalar":
      return { type: Value_Type.SCALAR, scalar: { value: scalarValue(amount) } };
    case "ranges":
      return { type: Value_Type.RANGES, ranges: { range: amount.ranges.map(([begin, end]) => ({ begin, end })) } };
    case "set":
      return { type: Value_Type.SET, set: { item: [...amount.items] } };
  }
}

/** The amount as it was written, overlapping ranges and all: for messages about it. */
export function writtenAmount(resource: Resource): Amount {
  if (resource.type === Value_Type.RANGES) {
    return {
      kind: "ranges",
      ranges: (resource.ranges?.range ?? []).map(({ begin = 0n, end = 0n }): Range => [begin, end]),
    };
  }
  return resource.type === Value_Type.SET ? { kind: "set", items: resource.set?.item ?? [] } : amountOf(resource);
}

export function scalarValue({ milli, exact }: { readonly milli: number; readonly exact?: number }): number {
  return exact ?? milli / 1000;
}

/** What a 64-bit integer holds. */
const MAX_MILLI = 2 ** 63;

/** As Mesos counts it, in 64 bits: what they don't hold is the smallest number of them. */
export function toMilli(value: number): number {
  const milli = Math.sign(value) * Math.round(Math.abs(value) * 1000);
  return Math.abs(milli) < MAX_MILLI ? milli : -MAX_MILLI;
}

/** A scalar as Mesos prints it, with three decimals at most. */
export function scalarText(value: number): string {
  return generalText(toMilli(value) / 1000, 15);
}

export function isZero(amount: Amount): boolean {
  if (amount.kind === "scalar") return amount.milli === 0;
  return amount.kind === "ranges" ? amount.ranges.length === 0 : amount.items.length === 0;
}

export function addAmounts(left: Amount, right: Amount): Amount {
  if (left.kind === "scalar" && right.kind === "scalar") return { kind: "scalar", milli: left.milli + right.milli };
  if (left.kind === "ranges" && right.kind === "ranges") {
    return { kind: "ranges", ranges: coalesce([...left.ranges, ...right.ranges]) };
  }
  if (left.kind === "set" && right.kind === "set") {
    return { kind: "set", items: [...new Set([...left.items, ...right.items])].sort() };
  }
  return left;
}

export function subtractAmounts(left: Amount, right: Amount): Amount {
  if (left.kind === "scalar" && right.kind === "scalar") return { kind: "scalar", milli: left.milli - right.milli };
  if (left.kind === "ranges" && right.kind === "ranges") {
    return { kind: "ranges", ranges: right.ranges.reduce(cutRange, left.ranges) };
  }
  if (left.kind === "set" && right.kind === "set") {
    const removed = new Set(right.items);
    return { kind: "set", items: left.items.filter((item) => !removed.has(item)) };
  }
  return left;
}

export function containsAmount(left: Amount, right: Amount): boolean {
  if (left.kind === "scalar" && right.kind === "scalar") return left.milli >= right.milli;
  if (left.kind === "ranges" && right.kind === "ranges") {
    return right.ranges.every(([begin, end]) => left.ranges.some((range) => range[0] <= begin && end <= range[1]));
  }
  if (left.kind === "set" && right.kind === "set") {
    const items = new Set(left.items);
    return right.items.every((item) => items.has(item));
  }
  return false;
}

export function sameAmount(left: Amount, right: Amount): boolean {
  return containsAmount(left, right) && containsAmount(right, left);
}

/** As Mesos prints it, with three decimals at most: `0.1`, `[31000-32000]`, `{a, b}`. */
export function amountText(amount: Amount): string {
  switch (amount.kind) {
    case "scalar":
      return scalarText(amount.milli / 1000);
    case "ranges":
      return `[${amount.ranges.map(([begin, end]) => `${begin}-${end}`).join(", ")}]`;
    case "set":
      return `{${amount.items.join(", ")}}`;
  }
}

/** In order; those that touch are one. */
export function coalesce(ranges: readonly Range[]): Range[] {
  const sorted = [...ranges].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (!last || range[0] > last[1] + 1n) merged.push(range);
    else if (range[1] > last[1]) merged[merged.length - 1] = [last[0], range[1]];
  }
  return merged;
}

function cutRange(ranges: readonly Range[], cut: Range): Range[] {
  return ranges.flatMap((range) => {
    if (cut[1] < range[0] || cut[0] > range[1]) return [range];
    const rest: Range[] = [];
    if (cut[0] > range[0]) rest.push([range[0], cut[0] - 1n]);
    if (cut[1] < range[1]) rest.push([cut[1] + 1n, range[1]]);
    return rest;
  });
}
