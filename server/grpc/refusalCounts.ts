import type { BridgeReason } from "../../gen/mesosbridge/v1/reasons.js";
import { WireError } from "../../wire/proto.js";
import { BridgeError } from "../session/errors.js";

/** Counts the errors that clients were told, by reason. */
export class RefusalCounts {
  readonly byReason = new Map<BridgeReason, number>();

  /** Whatever ended a call or a stream. */
  count(error: unknown): void {
    const reason = reasonOf(error);
    this.byReason.set(reason, (this.byReason.get(reason) ?? 0) + 1);
  }
}

function reasonOf(error: unknown): BridgeReason {
  if (error instanceof BridgeError) return error.reason;
  return error instanceof WireError ? "INVALID_FIELD" : "INTERNAL";
}
