import { Resource, Resource_ReservationInfo_Type, Value_Type } from "../../gen/mesos/v1/mesos.js";
import { parseNumber } from "./number.js";

const ENTRY = /^([^():]+)(?:\(([^()]+)\))?:(.+)$/;

/**
 * Resources from Mesos's text form: `cpus:8;mem:8192;ports:[31000-32000];disk(role):1024;zones:{a,b}`.
 *
 * @throws Error that names the part that is wrong.
 */
export function parseResources(text: string): Resource[] {
  const parts = text.split(";").map((part) => part.trim());
  return parts.filter((part) => part !== "").map(parseResource);
}

function parseResource(part: string): Resource {
  const match = ENTRY.exec(part);
  const name = match?.[1]?.trim();
  const value = match?.[3]?.trim();
  if (!name || !value) throw new Error(`bad resource '${part}': write NAME:VALUE or NAME(ROLE):VALUE, as cpus:8`);
  const role = match?.[2]?.trim() ?? "*";
  const reservations = role === "*" ? [] : [{ type: Resource_ReservationInfo_Type.STATIC, role }];
  return Resource.create({ name, ...parseValue(part, value), reservations });
}

function parseValue(part: string, value: string): Partial<Resource> {
  if (value.startsWith("[")) return { type: Value_Type.RANGES, ranges: { range: parseRanges(part, value) } };
  if (value.startsWith("{")) return { type: Value_Type.SET, set: { item: parseItems(part, value) } };
  const number = parseNumber(value);
  if (number === undefined || number < 0) {
    throw new Error(`bad resource '${part}': '${value}' is not a number of 0 or more, [BEGIN-END] or {A,B}`);
  }
  return { type: Value_Type.SCALAR, scalar: { value: number } };
}

function parseRanges(part: string, value: string): Array<{ begin: bigint; end: bigint }> {
  if (!value.endsWith("]")) throw new Error(`bad ranges in '${part}': write [BEGIN-END, BEGIN-END]`);
  return value
    .slice(1, -1)
    .split(",")
    .map((range) => {
      const match = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(range);
      const begin = BigInt(match?.[1] ?? -1);
      const end = BigInt(match?.[2] ?? -1);
      if (begin < 0n || begin > end) throw new Error(`bad range '${range.trim()}' in '${part}': write BEGIN-END`);
      return { begin, end };
    });
}

function parseItems(part: string, value: string): string[] {
  const items = value.slice(1, -1).split(",");
  if (!value.endsWith("}") || items.some((item) => item.trim() === "")) {
    throw new Error(`bad set in '${part}': write {A,B}`);
  }
  return items.map((item) => item.trim());
}
