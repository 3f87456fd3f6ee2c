import { type CallOutcome, isCredentialsRefused, isFailedOver, isSubscriptionOver } from "../mesos/callOutcome.js";
import { BridgeError } from "./errors.js";
import type { CallAnswer } from "./requestMemory.js";

/** The master took the call. */
export const OK: CallAnswer = { error: undefined, gone: 0 };

/** What a client is told of an outcome; `accepted` is what it is told of a call that the master took. */
export function answerOf(outcome: CallOutcome, accepted: CallAnswer): CallAnswer {
  switch (outcome.kind) {
    case "accepted":
      return accepted;
    case "unknown":
      return {
        error: new BridgeError(
          "OUTCOME_UNKNOWN",
          `the master may have taken the call or not, as no answer of its own came (${outcome.message}): reconcile before you make it again`,
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
  if (isFailedOver(status, message)) {
    const text = "the master did not take the call: someone else has subscribed with this framework's id";
    return new BridgeError("FRAMEWORK_FAILED_OVER", text);
  }
  if (isSubscriptionOver(status, message)) {
    return new BridgeError(
      "NO_MASTER",
      `the master did not take the call, because its subscription has ended: ${message}`,
    );
  }
  if (isCredentialsRefused(status, message)) {
    return new BridgeError(
      "MESOS_CREDENTIALS_REFUSED",
      `the master did not take the call, because it does not accept the bridge's own credentials (${status}: ${message}): ` +
        "the bridge's operator has to mend its --secret-file or --token-file; then make the call again",
      { metadata: { http_status: String(status) } },
    );
  }
  return new BridgeError("CALL_REFUSED", `Mesos refuses the call: ${message}`, {
    metadata: { http_status: String(status) },
  });
}
