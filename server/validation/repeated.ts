import type { MessageView } from "./rule.js";

/** Reports a repeated field that has two elements that are byte for byte the same. */
export function reportDuplicates(message: MessageView, slot: number): void {
  if (message.count(slot) < 2) return;
  const seen = new Set<string>();
  for (const element of message.elements(slot)) {
    seen.add(Buffer.from(element.buffer, element.byteOffset, element.length).toString("latin1"));
  }
  if (seen.size < message.count(slot)) message.report(slot, "must not have the same element twice");
}
