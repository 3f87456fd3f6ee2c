import { ClientError, Status as Code, type Metadata } from "nice-grpc";
import {
  BadRequest,
  type BadRequest_FieldViolation,
  ErrorInfo,
  RetryInfo,
} from "../../../gen/google/rpc/error_details.js";
import { Status } from "../../../gen/google/rpc/status.js";
import { REASONS, type Reason, type Retry } from "../../../gen/mesosbridge/v1/reasons.js";
import { errorText } from "../../../wire/errorText.js";

/** What the bridge calls itself in `ErrorInfo.domain`. */
const DOMAIN = "mesosbridge";
const DETAILS_KEY = "grpc-status-details-bin";

/** The connection failed in one of these ways when the server gave no reason of its own. */
const TRANSPORT_CODES: ReadonlySet<Code> = new Set([
  Code.UNAVAILABLE,
  Code.CANCELLED,
  Code.INTERNAL,
  Code.UNKNOWN,
  Code.ABORTED,
  Code.DEADLINE_EXCEEDED,
]);
const RETRIES: ReadonlyMap<string, Retry> = new Map(Object.entries(REASONS).map(([name, { retry }]) => [name, retry]));

/** A text, of which editors suggest the known values. */
type KnownOrNewer = Reason | "" | (string & Record<never, never>);

interface BridgeErrorDetails {
  reason?: KnownOrNewer;
  metadata?: Readonly<Record<string, string>>;
  fieldViolations?: readonly BadRequest_FieldViolation[];
  retryDelayMs?: number | undefined;
  cause?: unknown;
}

/** The one error that calls and event streams of this library end with. */
export class BridgeError extends Error {
  override readonly name = "BridgeError";
  /** The gRPC status code. */
  readonly code: Code;
  /**
   * The reason of `ErrorInfo`, such as `OFFER_GONE`. Empty when the connection failed, or a proxy answered. A newer bridge
   * may give reasons that this library does not know.
   */
  readonly reason: KnownOrNewer;
  /** The metadata of `ErrorInfo`. */
  readonly metadata: Readonly<Record<string, string>>;
  /** What is wrong with which field of the request; set with `INVALID_FIELD`. */
  readonly fieldViolations: readonly BadRequest_FieldViolation[];
  /** How long the bridge asks to wait before the next try, in ms. */
  readonly retryDelayMs: number | undefined;

  constructor(code: Code, message: string, details: BridgeErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.reason = details.reason ?? "";
    this.metadata = details.metadata ?? {};
    this.fieldViolations = details.fieldViolations ?? [];
    this.retryDelayMs = details.retryDelayMs;
  }

  /** True when the same request may succeed later, and repeating it (with the same request id) does no harm. */
  get retryable(): boolean {
    if (this.reason === "") return TRANSPORT_CODES.has(this.code);
    return RETRIES.get(this.reason) === "later" || (this.code === Code.UNAVAILABLE && !this.outcomeUnknown);
  }

  /** True when the bridge does not let this client do it: by its permissions, its rules for launches, or its credentials. */
  get forbidden(): boolean {
    return this.code === Code.PERMISSION_DENIED || this.code === Code.UNAUTHENTICATED;
  }

  /** True when Mesos may or may not have got the call: reconcile before doing it again. */
  get outcomeUnknown(): boolean {
    return this.reason === "OUTCOME_UNKNOWN" || (this.reason === "" && TRANSPORT_CODES.has(this.code));
  }
}

/** True where the bridge does not know the attachment of a call, or not any more: another attachment helps. */
export function helpsAttached({ reason }: BridgeError): boolean {
  return RETRIES.get(reason) === "attached";
}

/**
 * Any error of nice-grpc, or of this library, as a BridgeError.
 *
 * @param trailer  the call's trailing metadata, where the bridge puts the details
 */
export function toBridgeError(error: unknown, trailer?: Metadata): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof ClientError) {
    const details = decodeDetails(trailer?.get(DETAILS_KEY));
    return new BridgeError(error.code, describe(error.details, details), { ...details, cause: error });
  }
  if (error instanceof Error && error.name === "AbortError") {
    return new BridgeError(Code.CANCELLED, "cancelled", { cause: error });
  }
  return new BridgeError(Code.UNKNOWN, errorText(error), { cause: error });
}

/** gRPC's own words for a server that can't be reached, without what is around the reason. */
const NO_CONNECTION = /^No connection established\. Last error: (?:Error: )?(.*?)\.? Resolution note:.*$/s;

/** gRPC tells nothing of how a proxy failed, and then writes that. */
const NO_PROXY = "the proxy to the bridge can't be reached, or did not connect to the bridge";

function describe(raw: string, details: BridgeErrorDetails): string {
  const text = raw.replace(NO_CONNECTION, (_, cause: string) => (cause === "undefined" ? NO_PROXY : cause));
  const fields = (details.fieldViolations ?? []).map(({ field, description }) => `${field}: ${description}`);
  const missing = fields.filter((field) => !text.includes(field));
  return missing.length === 0 ? text : `${text} (${missing.join("; ")})`;
}

function decodeDetails(bytes: Uint8Array | undefined): BridgeErrorDetails {
  if (bytes === undefined) return {};
  const found: BridgeErrorDetails = {};
  try {
    for (const { typeUrl, value } of Status.decode(bytes).details) addDetail(found, typeUrl, value);
  } catch {
    // A proxy may have put something else there; that must not hide the error itself.
  }
  return found;
}

function addDetail(found: BridgeErrorDetails, typeUrl: string, value: Uint8Array): void {
  const type = typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
  if (type === "google.rpc.ErrorInfo") {
    const info = ErrorInfo.decode(value);
    if (info.domain !== DOMAIN) return;
    found.reason = info.reason;
    found.metadata = info.metadata;
  } else if (type === "google.rpc.BadRequest") {
    found.fieldViolations = BadRequest.decode(value).fieldViolations;
  } else if (type === "google.rpc.RetryInfo") {
    const delay = RetryInfo.decode(value).retryDelay;
    if (delay !== undefined) found.retryDelayMs = Number(delay.seconds) * 1000 + delay.nanos / 1e6;
  }
}
