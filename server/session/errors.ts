/**
 * Every error that a client can get, in one table: its reason (`google.rpc.ErrorInfo.reason`,
 * domain `mesosbridge`), its gRPC status code, and whether the same call may be made again.
 */
export const REASONS = {
  INVALID_FIELD: { status: "INVALID_ARGUMENT", retryable: false },
  CALL_REFUSED: { status: "INVALID_ARGUMENT", retryable: false },
  FRAMEWORK_NOT_FOUND: { status: "NOT_FOUND", retryable: false },
  NOT_ATTACHED: { status: "FAILED_PRECONDITION", retryable: false },
  ATTACHMENT_SUPERSEDED: { status: "FAILED_PRECONDITION", retryable: false },
  FRAMEWORK_ID_MISMATCH: { status: "FAILED_PRECONDITION", retryable: false },
  FRAMEWORK_REMOVED: { status: "FAILED_PRECONDITION", retryable: false },
  FRAMEWORK_FAILED_OVER: { status: "FAILED_PRECONDITION", retryable: false },
  FRAMEWORK_REFUSED: { status: "FAILED_PRECONDITION", retryable: false },
  OFFER_GONE: { status: "FAILED_PRECONDITION", retryable: false },
  NO_MASTER: { status: "UNAVAILABLE", retryable: true },
  MESOS_CREDENTIALS_REFUSED: { status: "UNAVAILABLE", retryable: true },
  OUTCOME_UNKNOWN: { status: "UNAVAILABLE", retryable: false },
  LEASE_EXPIRED: { status: "ABORTED", retryable: true },
  SLOW_CONSUMER: { status: "RESOURCE_EXHAUSTED", retryable: true },
  LIMIT_REACHED: { status: "RESOURCE_EXHAUSTED", retryable: true },
  TOO_MANY_CALLS: { status: "RESOURCE_EXHAUSTED", retryable: true },
  BRIDGE_SHUTTING_DOWN: { status: "UNAVAILABLE", retryable: true },
  STORE_UNAVAILABLE: { status: "UNAVAILABLE", retryable: true },
  INTERNAL: { status: "INTERNAL", retryable: false },
} as const satisfies Record<string, { status: string; retryable: boolean }>;

export type Reason = keyof typeof REASONS;

/** One wrong field of a request: its path in proto names, and what is wrong. */
export interface FieldViolation {
  readonly field: string;
  readonly description: string;
}

/** An error for the client. Its message is written for a person and says what to do. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";
  readonly reason: Reason;
  /** Facts for programs: goes into `ErrorInfo.metadata`. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
  /** The gRPC status code's name: the reason's own, unless a stream says it in another way. */
  readonly status: string;

  constructor(
    reason: Reason,
    message: string,
    details: { metadata?: Record<string, string>; violations?: readonly FieldViolation[]; status?: string } = {},
  ) {
    super(message);
    this.reason = reason;
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
    this.status = details.status ?? REASONS[reason].status;
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
    `the bridge remembers framework '${frameworkName}' with id ${known}, not ${given}: leave framework_info.id out, or forget the framework first`,
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
    "nothing was sent: the bridge shuts down; attach again, and make the call again",
  );
}

/** The bridge ends, and a stream with it. */
export function shuttingDown(): BridgeError {
  return new BridgeError("BRIDGE_SHUTTING_DOWN", "the bridge shuts down: attach again");
}

/** A newer client has attached. Its streams end ABORTED, its calls get FAILED_PRECONDITION. */
export function superseded(where: "stream" | "call"): BridgeError {
  const details = where === "stream" ? { status: "ABORTED" } : {};
  return new BridgeError("ATTACHMENT_SUPERSEDED", "a newer client has attached to this framework", details);
}

/** For a client that came back when the framework was being torn down already. */
export function tornDownByLease(): BridgeError {
  return new BridgeError("LEASE_EXPIRED", "the lease had run out, and the framework was torn down: attach for another");
}

export function notAttached(): BridgeError {
  return new BridgeError(
    "NOT_ATTACHED",
    "the attachment is not known: attach with Subscribe, and take its attachment_id",
  );
}

/** Mesos's refusal of a subscription, by its text. */
export function refusedSubscription(message: string, frameworkId: string): BridgeError {
  const metadata = { framework_id: frameworkId };
  if (message === "Framework has been removed") {
    const advice = "its id can't be used again; attach with replace_removed to go on as a new framework";
    return new BridgeError("FRAMEWORK_REMOVED", `Mesos says: ${message}: ${advice}`, { metadata });
  }
  if (message === "Framework failed over") {
    return new BridgeError(
      "FRAMEWORK_FAILED_OVER",
      "Mesos says: Framework failed over: someone else subscribed with its id",
      {
        metadata,
      },
    );
  }
  return new BridgeError("FRAMEWORK_REFUSED", `Mesos refuses the framework: ${message}`, { metadata });
}

export function storeUnavailable(error: unknown): BridgeError {
  const text = error instanceof Error ? error.message : String(error);
  return new BridgeError("STORE_UNAVAILABLE", `the bridge can't write to its data directory: ${text}`);
}
