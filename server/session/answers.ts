import type { CallOutcome, Refused } from "../mesos/link/callOutcome.js";
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
      return { error: refusal(outcome) };
  }
}

function refusal(refused: Refused): BridgeError {
  const text = refusedReason(refused);
  const details = { metadata: { http_status: String(refused.status) } };
  switch (refused.cause) {
    case "failed-over":
      return new BridgeError("FRAMEWORK_FAILED_OVER", text);
    case "subscription-over":
      return new BridgeError("NO_MASTER", refused.foreign ? `${text}; then make the call again` : text);
    case "credentials":
      return new BridgeError("MESOS_CREDENTIALS_REFUSED", `${text}; then make the call again`, details);
    case "call":
      return new BridgeError("CALL_REFUSED", text, details);
  }
}

/** Why a call was refused, and what mends that: for its client, or, where it was the bridge's own, for the log. */
export function refusedReason(refused: Refused): string {
  if (refused.foreign) return foreignReason(refused);
  const { status, message } = refused;
  const notTaken = "the master did not take the call";
  switch (refused.cause) {
    case "failed-over":
      return `${notTaken}: someone else has subscribed with this framework's id`;
    case "subscription-over":
      return `${notTaken}, because ${subscriptionOver(status)}: ${message}`;
    case "credentials":
      return `${notTaken}, because ${credentialsRefused(status)} (${status}: ${message}): ${MEND_CREDENTIALS}`;
    case "call":
      return `Mesos refuses the call: ${message}`;
  }
}

const MEND_CREDENTIALS = "the bridge's operator has to mend its --secret-file or --token-file";

function subscriptionOver(status: number): string {
  if (status === 503) return "it is not ready";
  return status === 307 ? "it does not lead any more" : "its subscription has ended";
}

/** 403 is also what something before Mesos says, without a page, that does not know the bridge. */
function credentialsRefused(status: number): string {
  const text = "does not accept the bridge's own credentials";
  return status === 403 ? `it, or something before it, ${text}` : `it ${text}`;
}

/** What no master wrote is told as what it is: its status, its type and its first words. */
function foreignReason({ status, message }: Refused): string {
  const who = "something between the bridge and Mesos (a proxy, a firewall, a login page)";
  return `the master did not take the call, because ${who} answered in its place (${message}): ${foreignAdvice(status)}`;
}

function foreignAdvice(status: number): string {
  switch (status) {
    case 401:
      return `if that checks the bridge's credentials, ${MEND_CREDENTIALS}, else have it let the bridge's calls through`;
    case 407:
      return "the bridge's operator has to lead --master past that proxy, as the bridge has no credentials for it";
    case 429:
      return "make calls less often, or have it let more of them through";
    case 503:
      return "if it comes again, the bridge's operator has to look at where --master leads";
    default:
      return "the bridge's operator has to have it let the bridge's calls through";
  }
}
