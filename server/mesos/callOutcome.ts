import type { Secrets } from "../../wire/secrets.js";
import { answerSummary, foreignType, refusalText } from "./answerText.js";
import { CallType, readCallType } from "./calls.js";
import type { HttpResponse } from "./httpResponseParser.js";
import { leaderOf } from "./redirection.js";

/** What became of a call. */
export type CallOutcome =
  /** The master took it (202; UPDATE_FRAMEWORK: 200). It may still drop it: Mesos promises no more. */
  | { readonly kind: "accepted" }
  /** The master answered that it does not take it. */
  | { readonly kind: "refused"; readonly status: number; readonly message: string }
  /** It was sent, and no answer of a master came: it may have been taken or not. */
  | { readonly kind: "unknown"; readonly message: string }
  /** It was not sent. */
  | { readonly kind: "not-sent"; readonly message: string }
  /** It was not sent, because too much is waiting already. */
  | { readonly kind: "too-many"; readonly message: string };

/** Mesos's text for a call whose framework has another subscription now: somebody else made it. */
const FAILED_OVER = /didn't match the stream ID/;
/** Its text where that is a scheduler of the API before v1. */
const FAILED_OVER_TO_V0 = /^Framework is not connected via HTTP/;

/** True if a refused call was refused because somebody else has subscribed with the id of its framework. */
export function isFailedOver(status: number, message: string): boolean {
  return (status === 400 && FAILED_OVER.test(message)) || (status === 403 && FAILED_OVER_TO_V0.test(message));
}

/** Mesos's texts for a call that came after its subscription had ended. */
const SUBSCRIPTION_OVER = /^Framework (is not subscribed|cannot be found)/;

/** True if a refused call was refused because its subscription has ended, or its master does not lead any more. */
export function isSubscriptionOver(status: number, message: string): boolean {
  return status === 503 || status === 307 || SUBSCRIPTION_OVER.test(message);
}

/** Mesos's text for a principal that may not change its framework so: an answer to the client's call. */
const NOT_AUTHORIZED = /^Not authorized to /;
/** Mesos's text for a call under another principal than the framework's: the credentials are those of somebody else. */
const OTHER_PRINCIPAL = /^Authenticated principal .* does not match principal /s;

/**
 * True if a refused call was refused for the bridge's own credentials, which are not the client's to mend. Not for
 * calls that `isFailedOver` or `isSubscriptionOver` tells about.
 */
export function isCredentialsRefused(status: number, message: string): boolean {
  if (status === 400) return OTHER_PRINCIPAL.test(message);
  return status === 401 || (status === 403 && !NOT_AUTHORIZED.test(message));
}

const ACCEPTED: CallOutcome = { kind: "accepted" };
const MAX_MESSAGE_CHARACTERS = 2_000;

/**
 * What an answer to a serialized call means. What a master does not answer comes from something that stands before it
 * (a login page, a proxy), which may have handed the call on. Texts are told without `secrets`.
 */
export function outcomeOf(response: HttpResponse, call: Uint8Array, master: URL, secrets: Secrets): CallOutcome {
  const { status } = response;
  if (isTaken(response, call)) return ACCEPTED;
  if (isRefusal(response, master)) {
    return { kind: "refused", status, message: refusalText(response, MAX_MESSAGE_CHARACTERS, secrets) };
  }
  return { kind: "unknown", message: `a call was answered with ${answerSummary(response, secrets)}` };
}

/** A master that takes a call writes no more than the status; what comes with a page is somebody else's. */
function isTaken(response: HttpResponse, call: Uint8Array): boolean {
  const { status, body } = response;
  if (body.length > 0 && foreignType(response) !== "") return false;
  return status === 202 || (status === 200 && readCallType(call) === CallType.UPDATE_FRAMEWORK);
}

/** True if the call surely was not taken. A master whose handler failed, or a proxy, says no such thing (408, 500, 502). */
function isRefusal({ status, location }: HttpResponse, master: URL): boolean {
  if (status === 307) return leaderOf(location, master) !== undefined;
  return (status >= 400 && status < 500 && status !== 408) || status === 501 || status === 503;
}
