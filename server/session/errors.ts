import { type BridgeReason, REASONS } from "../../gen/mesosbridge/v1/reasons.js";
import { errorText } from "../../wire/errorText.js";
import { WireError } from "../../wire/proto.js";
import type { FrameworkRefusal } from "../mesos/link/callOutcome.js";
import type { FieldViolation } from "../validation/violations.js";

export type { FieldViolation };

/** An error for the client, of a reason of proto/mesosbridge/v1/reasons.json. Its message is written for a person and says what to do. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly reason: BridgeReason;
  /** Facts for programs: goes into `ErrorInfo.metadata`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** The gRPC status code's name: the reason's own, unless a stream says it in another way. */
  readonly status: string;

  constructor(
    reason: BridgeReason,
    message: string,
    details: { metadata?: Record<string, string>; violations?: readonly FieldViolation[]; status?: string } = {},
  ) {
    super(message);
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.status = details.status ?? REASONS[reason].status;
  }

  /** Whether the same call may be made again later. */
  get retryable(): boolean {
    return REASONS[this.reason].retry === "later";
  }

  /** Whether it is the attachment that is refused: nothing was sent, and a newer one may make the same call. */
  get refusesAttachment(): boolean {
    return REASONS[this.reason].retry === "attached";
  }
}

export function invalidField(field: string, description: string): BridgeError {
  return new BridgeError("INVALID_FIELD", `${field} ${description}`, { violations: [{ field, description }] });
}

/** A limit of the bridge is reached. @param what of what there is too much @param advice what the client can do */
export function limitReached(what: string, limit: number, advice: string): BridgeError {
  return new BridgeError("LIMIT_REACHED", `${what}: ${advice}`, { metadata: { limit: String(limit) } });
}

export function tooManyFrameworks(limit: number): BridgeError {
  const what = `the bridge holds ${limit} frameworks, which is its limit (serve --max-frameworks)`;
  return limitReached(what, limit, "close sessions that are not needed, or raise the limit");
}

/** A client names another id than the one that is remembered of its framework. */
export function otherId(frameworkName: string, known: string, given: string): BridgeError {
  return new BridgeError(
    "FRAMEWORK_ID_MISMATCH",
    `the bridge knows framework '${frameworkName}' with id ${known}, not ${given}: leave framework_info.id out, or forget the framework first`,
    { metadata: { framework_id: known } },
  );
}

/** A client imports an id that a framework of another name has: two sessions would take it from each other. */
export function idOfAnother(given: string): BridgeError {
  return new BridgeError(
    "FRAMEWORK_ID_MISMATCH",
    `the bridge holds the framework id ${given} under another framework name: attach under that name, or leave framework_info.id out`,
    { metadata: { framework_id: given } },
  );
}

/** The bridge ends, and a call is not made. */
export function notTakenAnyMore(): BridgeError {
  return new BridgeError(
    "BRIDGE_SHUTTING_DOWN",
    "nothing was sent: the bridge is shutting down; attach again, and repeat the call",
  );
}

/** The bridge ends, and a stream with it. */
export function shuttingDown(): BridgeError {
  return new BridgeError("BRIDGE_SHUTTING_DOWN", "the bridge is shutting down: attach again");
}

/** A newer client has attached. Its streams end ABORTED, its calls get FAILED_PRECONDITION. */
export function superseded(where: "stream" | "call"): BridgeError {
  const { status, streamStatus } = REASONS.ATTACHMENT_SUPERSEDED;
  return new BridgeError("ATTACHMENT_SUPERSEDED", "a newer client has attached to this framework", {
    status: where === "stream" ? streamStatus : status,
  });
}

/** A client was promoted and made no call: another one that waits is promoted in its place. */
export function promotionLapsed(): BridgeError {
  const { streamStatus } = REASONS.ATTACHMENT_SUPERSEDED;
  const text = "the promotion was not confirmed in time, and another standby is promoted: attach again as a standby";
  return new BridgeError("ATTACHMENT_SUPERSEDED", text, { status: streamStatus });
}

/** A client that waits calls. */
export function notActive(): BridgeError {
  return new BridgeError(
    "NOT_ACTIVE",
    "the attachment is on standby: wait for Promoted, and call with its attachment_id",
  );
}

export function tooManyStandbys(limit: number): BridgeError {
  return limitReached(`the framework has ${limit} standbys, which is the limit`, limit, "end some of them");
}

/** An operator has ended the stream of a client. */
export function attachmentEnded(): BridgeError {
  return new BridgeError("ATTACHMENT_ENDED", "an operator of the bridge has ended the attachment: attach again");
}

/** An operator has torn the framework down while its client was attached. */
export function tornDownByOperator(): BridgeError {
  return new BridgeError("FRAMEWORK_REMOVED", "an operator of the bridge has torn the framework down");
}

/** For a client that came back when the framework was being torn down already. */
export function tornDownByLease(): BridgeError {
  return new BridgeError("LEASE_EXPIRED", "the lease had run out, and the framework was torn down: attach for another");
}

/** A bug of the bridge's own. */
export function internalError(): BridgeError {
  return new BridgeError("INTERNAL", "the bridge failed; its log says why: attach again");
}

/** What a client is told of what was thrown by its call; undefined where that is a bug of the bridge. */
export function errorOfCall(thrown: unknown): BridgeError | undefined {
  if (thrown instanceof BridgeError) return thrown;
  return thrown instanceof WireError ? unreadable(thrown) : undefined;
}

/** What a client sent is not a message of the API. */
function unreadable(error: WireError): BridgeError {
  return new BridgeError("INVALID_FIELD", `the request is not a valid message: ${error.message}`);
}

/** @param field what the client calls the version that it expected */
export function stateChanged(key: string, version: number, expected: number, field: string): BridgeError {
  const told = Number.isSafeInteger(expected) ? String(expected) : "of over 2^53, which no key has";
  const is = version === 0 ? "is not there" : `has version ${version}`;
  const wanted = expected === 0 ? "must not be there" : `must have version ${told}`;
  return new BridgeError(
    "STATE_CHANGED",
    `nothing was changed: the key '${key}' ${is}, and by ${field} it ${wanted}: read it again, and decide anew`,
    { metadata: { key, version: String(version), field } },
  );
}

/** @param waiting calls that wait already */
export function tooManyWaiting(waiting: number): BridgeError {
  const text = `nothing was sent: ${waiting} calls wait behind one that waits for the bridge's disk, or for a key of the state`;
  return new BridgeError("TOO_MANY_CALLS", text);
}

/** A launch was not made, and what was to be remembered with it may be found after a crash of the bridge. */
export function notUndone({ error }: { readonly error: BridgeError | undefined }, cause: unknown): BridgeError {
  const text = `the launch was not made (${error?.message ?? "for a reason that is not known"}), but its changes of the state`;
  return new BridgeError(
    "OUTCOME_UNKNOWN",
    `${text} are still on the bridge's disk, which can't be written now (${errorText(cause)}): read the keys before you use them`,
  );
}

/** Its client has shown its credentials too long ago. */
export function streamTooOld(): BridgeError {
  return new BridgeError(
    "STREAM_TOO_OLD",
    "the stream is as old as the bridge lets streams become (serve --max-stream-age): open it again",
  );
}

export function notAttached(): BridgeError {
  return new BridgeError(
    "NOT_ATTACHED",
    "the attachment is not known: attach with Subscribe, and take its attachment_id",
  );
}

/** Mesos wants no more of the framework. */
export function refusedSubscription({ cause, message }: FrameworkRefusal, frameworkId: string): BridgeError {
  const details = { metadata: { framework_id: frameworkId } };
  switch (cause) {
    case "removed": {
      const advice = "its id can't be used again; attach with replace_removed to continue as a new framework";
      return new BridgeError("FRAMEWORK_REMOVED", `Mesos says: ${message}: ${advice}`, details);
    }
    case "failed-over": {
      const text = `Mesos says: ${message}: another scheduler subscribed with its id`;
      return new BridgeError("FRAMEWORK_FAILED_OVER", text, details);
    }
    case "other":
      return new BridgeError("FRAMEWORK_REFUSED", `Mesos refuses the framework: ${message}`, details);
  }
}

/** An observer did not read its stream as fast as events came. */
export function observerTooSlow(): BridgeError {
  return new BridgeError("SLOW_CONSUMER", "the stream was read too slowly: watch again");
}

export function storeUnavailable(error: unknown): BridgeError {
  const text = errorText(error);
  return new BridgeError("STORE_UNAVAILABLE", `the bridge can't write to its data directory: ${text}`);
}
