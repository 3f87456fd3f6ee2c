import type { Secrets } from "../../../wire/secrets.js";
import { CallType } from "../messages/calls.js";
import { answerSummary, isForeign, refusalText } from "./answerText.js";
import type { CallOutcome, RefusalCause } from "./callOutcome.js";
import type { HttpResponse } from "./httpResponseParser.js";
import { leaderOf } from "./redirection.js";
import { refusalReason } from "./refusalReason.js";

/** Mesos's text for a call whose framework has another subscription now: somebody else made it. */
const FAILED_OVER = /^The stream ID .* didn't match the stream ID /s;
/** Its text where that is a scheduler of the API before v1. */
const FAILED_OVER_TO_V0 = /^Framework is not connected via HTTP/;
/** Mesos's texts for a call that came after its subscription had ended. */
const SUBSCRIPTION_OVER = /^Framework (is not subscribed|cannot be found)/;
/** Mesos's text for a principal that may not change its framework so, which it says to UPDATE_FRAMEWORK alone. */
const NOT_AUTHORIZED = /^Not authorized to /;
/** Mesos's text for a call under another principal than the framework's: the credentials are those of somebody else. */
const OTHER_PRINCIPAL = /^Authenticated principal .* does not match principal /s;

const ACCEPTED: CallOutcome = { kind: "accepted" };
const MAX_MESSAGE_CHARACTERS = 2_000;

/**
 * What an answer to a call of this type means: 202 (UPDATE_FRAMEWORK: 200) is how a master takes one. What a master does not
 * answer comes from something that stands before it (a login page, a proxy), which may have handed the call on. Texts are
 * told without `secrets`.
 */
export function outcomeOf(response: HttpResponse, type: number, master: URL, secrets: Secrets): CallOutcome {
  if (isTaken(response, type)) return ACCEPTED;
  if (isRefusal(response, master)) return refusedBy(response, type, secrets);
  return { kind: "unknown", message: `a call was answered with ${answerSummary(response, secrets)}` };
}

function refusedBy(response: HttpResponse, type: number, secrets: Secrets): CallOutcome {
  const { status } = response;
  const message = refusalText(response, MAX_MESSAGE_CHARACTERS, secrets);
  const foreign = isForeign(response);
  const cause = foreign ? foreignCause(status) : mesosCause(status, message, type);
  const isToldStatus = cause === "call" || cause === "unauthorized";
  const metadata: Record<string, string> = isToldStatus ? { http_status: String(status) } : {};
  return { kind: "refused", cause, reason: refusalReason({ cause, status, message, foreign }), message, metadata };
}

/** A master that takes a call writes no more than the status: no text, and no type of one. */
function isTaken({ status, contentType, body }: HttpResponse, type: number): boolean {
  if (body.length > 0 || contentType !== "") return false;
  return status === 202 || (status === 200 && type === CallType.UPDATE_FRAMEWORK);
}

/** True if the call surely was not taken. A master whose handler failed, or a proxy, says no such thing (408, 500, 502). */
function isRefusal({ status, location }: HttpResponse, master: URL): boolean {
  if (status === 307) return leaderOf(location, master) !== undefined;
  return (status >= 400 && status < 500 && status !== 408) || status === 501 || status === 503;
}

function mesosCause(status: number, message: string, type: number): RefusalCause {
  if (status === 503 || status === 307 || SUBSCRIPTION_OVER.test(message)) return "not-subscribed";
  if (status === 400 && FAILED_OVER.test(message)) return "failed-over";
  if (status === 403 && FAILED_OVER_TO_V0.test(message)) return "failed-over";
  if (status === 400 && OTHER_PRINCIPAL.test(message)) return "unauthorized";
  if (status === 403 && NOT_AUTHORIZED.test(message) && type === CallType.UPDATE_FRAMEWORK) return "call";
  return isOfCredentials(status) ? "unauthorized" : "call";
}

/** By the status alone: what somebody else wrote says nothing of Mesos. */
function foreignCause(status: number): RefusalCause {
  if (status === 503) return "unreachable";
  return isOfCredentials(status) ? "unauthorized" : "call";
}

function isOfCredentials(status: number): boolean {
  return status === 401 || status === 403 || status === 407;
}
