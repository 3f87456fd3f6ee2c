import type { RefusalCause } from "./callOutcome.js";

/** An answer that says that a call was not taken. */
export interface RefusingAnswer {
  readonly cause: RefusalCause;
  readonly status: number;
  /** In the words of whoever answered. */
  readonly message: string;
  /** No master wrote this answer: a proxy did, a firewall, a login page. */
  readonly foreign: boolean;
}

/** Why a call was refused, and how to fix that: for its client, or for the log if the bridge itself made it. */
export function refusalReason(answer: RefusingAnswer): string {
  if (answer.foreign) return foreignReason(answer);
  const { cause, status, message } = answer;
  const notTaken = "the master did not take the call";
  switch (cause) {
    case "failed-over":
      return `${notTaken}: another scheduler has subscribed with this framework's id`;
    case "not-subscribed":
    case "unreachable":
      return `${notTaken}, because ${subscriptionOver(status)}: ${message}`;
    case "unauthorized":
      return `${notTaken}, because ${credentialsRefused(status)} (${status}: ${message}): ${CORRECT_CREDENTIALS}`;
    case "call":
      return `Mesos refuses the call: ${message}`;
  }
}

const CORRECT_CREDENTIALS = "the bridge's operator must correct its --secret-file or --token-file";

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
function foreignReason({ status, message }: RefusingAnswer): string {
  const who = "something between the bridge and Mesos (a proxy, a firewall, a login page)";
  return `the master did not take the call, because ${who} answered in its place (${message}): ${foreignAdvice(status)}`;
}

function foreignAdvice(status: number): string {
  switch (status) {
    case 401:
      return `if that checks the bridge's credentials, ${CORRECT_CREDENTIALS}, else have it let the bridge's calls through`;
    case 407:
      return "the bridge's operator must point --master past that proxy, because the bridge has no credentials for it";
    case 429:
      return "make calls less often, or have it let more of them through";
    case 503:
      return "if it happens again, the bridge's operator must check where --master leads";
    default:
      return "the bridge's operator must make it let the bridge's calls through";
  }
}
