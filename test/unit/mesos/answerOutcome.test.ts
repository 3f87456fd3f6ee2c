import { expect, test } from "vitest";
import type { BridgeReason } from "../../../gen/mesosbridge/v1/reasons.js";
import { outcomeOf } from "../../../server/mesos/link/answerOutcome.js";
import type { RefusalCause } from "../../../server/mesos/link/callOutcome.js";
import { CallType } from "../../../server/mesos/messages/calls.js";
import { answerOf, OK } from "../../../server/session/answers.js";
import { Secrets } from "../../../wire/secrets.js";

const PAGE = "<!doctype html><title>Sign in</title>";
const MASTER = new URL("http://127.0.0.1:5050");
const OPERATOR = "the bridge's operator must correct its --secret-file or --token-file";
const BETWEEN = "something between the bridge and Mesos (a proxy, a firewall, a login page) answered in its place";

/** What a client is told of an answer with this status and text. */
function told(status: number, text: string, location: string | undefined) {
  const contentType = text === PAGE ? "text/html" : "";
  const response = { status, contentType, location, body: Buffer.from(text), keepAlive: true };
  const outcome = outcomeOf(response, CallType.REVIVE, MASTER, new Secrets());
  if (outcome.kind !== "refused") throw new Error(`the outcome is ${outcome.kind}`);
  return { outcome, error: answerOf(outcome, OK).error };
}

const foreign = (status: number, advice: string) =>
  `the master did not take the call, because ${BETWEEN} (HTTP status ${status} (text/html): Sign in): ${advice}`;

const cases: [status: number, text: string, cause: RefusalCause, reason: BridgeReason, message: string][] = [
  [
    400,
    "The stream ID 'a' included in this request didn't match the stream ID currently associated with b",
    "failed-over",
    "FRAMEWORK_FAILED_OVER",
    "the master did not take the call: another scheduler has subscribed with this framework's id",
  ],
  [
    403,
    "Framework is not subscribed",
    "not-subscribed",
    "NO_MASTER",
    "the master did not take the call, because its subscription has ended: Framework is not subscribed",
  ],
  [
    503,
    "No leader",
    "not-subscribed",
    "NO_MASTER",
    "the master did not take the call, because it is not ready: No leader",
  ],
  [
    307,
    "",
    "not-subscribed",
    "NO_MASTER",
    "the master did not take the call, because it does not lead any more: HTTP status 307",
  ],
  [
    503,
    PAGE,
    "unreachable",
    "NO_MASTER",
    `${foreign(503, "if it happens again, the bridge's operator must check where --master leads")}; then repeat the call`,
  ],
  [
    401,
    "Unauthorized",
    "unauthorized",
    "MESOS_CREDENTIALS_REFUSED",
    `the master did not take the call, because it does not accept the bridge's own credentials (401: Unauthorized): ${OPERATOR}; then repeat the call`,
  ],
  [
    403,
    "Forbidden",
    "unauthorized",
    "MESOS_CREDENTIALS_REFUSED",
    `the master did not take the call, because it, or something before it, does not accept the bridge's own credentials (403: Forbidden): ${OPERATOR}; then repeat the call`,
  ],
  [
    401,
    PAGE,
    "unauthorized",
    "MESOS_CREDENTIALS_REFUSED",
    `${foreign(401, `if that checks the bridge's credentials, ${OPERATOR}, else have it let the bridge's calls through`)}; then repeat the call`,
  ],
  [
    407,
    PAGE,
    "unauthorized",
    "MESOS_CREDENTIALS_REFUSED",
    `${foreign(407, "the bridge's operator must point --master past that proxy, because the bridge has no credentials for it")}; then repeat the call`,
  ],
  [429, PAGE, "call", "CALL_REFUSED", foreign(429, "make calls less often, or have it let more of them through")],
  [
    451,
    PAGE,
    "call",
    "CALL_REFUSED",
    foreign(451, "the bridge's operator must make it let the bridge's calls through"),
  ],
  [400, "No such role", "call", "CALL_REFUSED", "Mesos refuses the call: No such role"],
];

test.each(cases)("a %i (%j) is '%s', and a client is told %s", (status, text, cause, reason, message) => {
  const { outcome, error } = told(status, text, status === 307 ? `//${MASTER.host}` : undefined);
  expect(outcome.cause).toBe(cause);
  expect(error).toMatchObject({ reason, message });
  // A program learns the status where the cause alone does not say what to do.
  const isToldStatus = reason === "CALL_REFUSED" || reason === "MESOS_CREDENTIALS_REFUSED";
  expect(error?.metadata).toEqual(isToldStatus ? { http_status: `${status}` } : {});
});
