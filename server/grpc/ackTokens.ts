import { invalidField } from "../session/errors.js";

/** How many tokens one request may hold. */
export const MAX_ACK_TOKENS = 10_000;

/** @throws BridgeError INVALID_FIELD */
export function checkTokenCount(count: number): void {
  if (count > MAX_ACK_TOKENS) throw invalidField("ack_tokens", `must hold at most ${MAX_ACK_TOKENS} tokens`);
}
