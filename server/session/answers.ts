import type { CallOutcome } from "../mesos/callConnection.js";
import { BridgeError } from "./errors.js";
import type { CallAnswer } from "./requestMemory.js";

/** The master took the call. */
export const OK: CallAnswer = { error: undefined, gone: 0 };

/** Mesos's texts for a call that came after its subscription had ended: it has not been taken. */
const SUBSCRIPTION_ENDED = /not subscribed|didn't match the stream ID|cannot be found/;

/** What a client is told of an outcome; `accepted` is what it is told of a call that the master took. */
export function answerOf(outcome: CallOutcome, accepted: CallAnswer): CallAnswer {
  switch (outcome.kind) {
    case "accepted":
      return accepted;
    case "unknown":
      return {
        error: new BridgeError(
          "OUTCOME_UNKNOWN",
          `the link broke before the master answered (${outcome.message}): it may have taken the call; reconcile`,
        ),
      };
    case "not-sent":
      return { error: new BridgeError("NO_MASTER", `nothing was sent: ${outcome.message}`) };
    case "too-many":
      return { error: new BridgeError("TOO_MANY_CALLS", `nothing was sent: ${outcome.message}`) };
    case "refused":
      return { error: refusal(outcome.status, outcome.message) };
  }
}

function refusal(status: number, message: string): BridgeError {
  if (SUBSCRIPTION_ENDED.test(message) || status === 503 || status === 307) {
    return new BridgeError(
      "NO_MASTER",
      `the master did not take the call, because its subscription has ended: ${message}`,
    );
  }
  return new BridgeError("CALL_REFUSED", `Mesos refuses the call: ${message}`, {
    metadata: { http_status: String(status) },
  });
}
