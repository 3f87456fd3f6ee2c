import { keyOfBytes } from "../../wire/keys.js";
import type { MessageView } from "./rule.js";

/** The first element of a repeated field that is byte for byte the same as one before it. */
export function repeatedElement(message: MessageView, slot: number): Uint8Array | undefined {
  if (message.count(slot) < 2) return undefined;
  const seen = new Set<string>();
  return message.find(slot, (buffer, start, end) => {
    const before = seen.size;
    return seen.add(keyOfBytes(buffer, start, end)).size === before;
  });
}

/** Reports a repeated field that has two elements that are byte for byte the same. */
export function reportDuplicates(message: MessageView, slot: number): void {
  if (repeatedElement(message, slot)) message.report(slot, "must not have the same element twice");
}
