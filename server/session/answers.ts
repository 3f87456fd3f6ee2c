import type { CallOutcome, Refused } from "../mesos/link/callOutcome.js";
import { BridgeError } from "./errors.js";
import type { CallAnswer, TakenAnswer } from "./requestMemory.js";

/** The master took the call. */
export const OK: TakenAnswer = { error: undefined, gone: 0 };

/** What a client is told of an outcome; `accepted` is what it is told of a call that the master took. */
export function answerOf(outcome: CallOutcome, accepted: CallAnswer): CallAnswer {
  switch (outcome.kind) {
    case "accepted":
      return accepted;
    case "unknown":
      return {
        error: new BridgeError(
          "OUTCOME_UNKNOWN",
          `the master may have accepted the call or not, because its answer never came (${outcome.message}): reconcile before you repeat it`,
        ),
      };
    case "not-sent":
      return { error: new BridgeError("NO_MASTER", `nothing was sent: ${outcome.message}`) };
    case "too-many":
      return { error: new BridgeError("TOO_MANY_CALLS", `nothing was sent: ${outcome.message}`) };
    case "refused":
      return { error: refusal(outcome) };
  }
}

/** True if Mesos surely has not taken the call: what it would have used is not used. */
export function isUntaken(outcome: CallOutcome): boolean {
  return outcome.kind === "not-sent" || outcome.kind === "too-many" || outcome.kind === "refused";
}

function refusal({ cause, reason, metadata }: Refused): BridgeError {
  switch (cause) {
    case "failed-over":
      return new BridgeError("FRAMEWORK_FAILED_OVER", reason, { metadata });
    case "not-subscribed":
      return new BridgeError("NO_MASTER", reason, { metadata });
    case "unreachable":
      return new BridgeError("NO_MASTER", `${reason}; then repeat the call`, { metadata });
    case "unauthorized":
      return new BridgeError("MESOS_CREDENTIALS_REFUSED", `${reason}; then repeat the call`, { metadata });
    case "call":
      return new BridgeError("CALL_REFUSED", reason, { metadata });
  }
}
