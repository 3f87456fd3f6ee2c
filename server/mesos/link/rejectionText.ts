import type { Secrets } from "../../../wire/secrets.js";
import { type Answer, foreignType, isForeign, readableLine } from "./answerText.js";

const MAX_TEXT_CHARACTERS = 300;

/** What a person is told of an answer to SUBSCRIBE that is not a stream of events, without `secrets`. */
export function rejectionText(answer: Answer, authenticates: boolean, secrets: Secrets): string {
  const line = readableLine(answer, MAX_TEXT_CHARACTERS, secrets);
  return `${reasonOf(answer, authenticates)}${line === "" ? "" : `: ${line}`}`;
}

function reasonOf(answer: Answer, authenticates: boolean): string {
  const { status } = answer;
  const type = foreignType(answer);
  const name = type === "" ? `${status}` : `${status}, ${type}`;
  if (status === 200) {
    const what = answer.body.length === 0 ? "" : `, but with ${type || "text"}`;
    return `this is not a Mesos master: it answers 200 to SUBSCRIBE without a stream of events${what}`;
  }
  if (status === 307) return `a redirect without a usable Location${type === "" ? "" : ` (${name})`}`;
  if (status === 404 || status === 405) return `this is not a Mesos master: it answers ${name} to SUBSCRIBE`;
  if (isForeign(answer)) return foreignReason(status, name);
  if (status === 503) return `the master is not ready (${name})`;
  if (status === 401) {
    return authenticates
      ? `the master does not accept the bridge's credentials (${name})`
      : `the master wants authentication, and the bridge has no credentials (${name})`;
  }
  if (status === 403) return `the master does not allow this subscription (${name})`;
  return `the master answers ${name} to SUBSCRIBE`;
}

/** No master wrote this: what it says of the master, or of credentials, is not Mesos's word. */
function foreignReason(status: number, name: string): string {
  const who = "something between the bridge and Mesos";
  switch (status) {
    case 401:
      return `${who} does not accept the bridge's credentials (${name})`;
    case 403:
      return `${who} does not let the bridge through (${name})`;
    case 407:
      return `a proxy between the bridge and Mesos wants credentials of its own, which the bridge can't give (${name})`;
    case 503:
      return `${who} can't reach the master now (${name})`;
    default:
      return `${who} answers ${name} to SUBSCRIBE`;
  }
}
