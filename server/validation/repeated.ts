import { keyOfBytes } from "../../wire/keys.js";
import type { MessageView } from "./rule.js";

/** A key that equal elements share; undefined for one that is like no other. */
export type ElementKey = (buffer: Uint8Array, start: number, end: number) => string | undefined;

/** The first element of a repeated field whose key one before it has: by default, that is byte for byte the same. */
export function repeatedElement(
  message: MessageView,
  slot: number,
  keyOf: ElementKey = keyOfBytes,
): Uint8Array | undefined {
  if (message.count(slot) < 2) return undefined;
  const seen = new Set<string>();
  return message.find(slot, (buffer, start, end) => {
    const key = keyOf(buffer, start, end);
    if (key === undefined) return false;
    const before = seen.size;
    return seen.add(key).size === before;
  });
}

/** Reports a repeated field that has two elements that are byte for byte the same. */
export function reportDuplicates(message: MessageView, slot: number): void {
  if (repeatedElement(message, slot)) message.report(slot, "must not have the same element twice");
}
