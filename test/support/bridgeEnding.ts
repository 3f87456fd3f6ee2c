import { type Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.js";
import { Status } from "../../gen/google/rpc/status.js";

/** How a call or a stream ended, with what the bridge's details say. */
export interface Ending {
  /** The status code's name: `OK`, `NOT_FOUND`, ... */
  code: string;
  /** Of ErrorInfo; empty if there is none. */
  reason: string;
  message: string;
  /** Of ErrorInfo. */
  metadata: Record<string, string>;
  /** Fields of BadRequest, as `path: description`. */
  violations: string[];
  /** True if RetryInfo says so. */
  retryable: boolean;
}

/** Reads an error of grpc-js; undefined is OK. */
export function endingOf(error: ServiceError | { code: number; details: string; metadata: Metadata } | null): Ending {
  const ending: Ending = { code: "OK", reason: "", message: "", metadata: {}, violations: [], retryable: false };
  if (!error || error.code === status.OK) return ending;
  ending.code = status[error.code] ?? String(error.code);
  ending.message = error.details;
  const [bytes] = error.metadata?.get("grpc-status-details-bin") ?? [];
  if (bytes instanceof Buffer)
    for (const { typeUrl, value } of Status.decode(bytes).details) read(ending, typeUrl, value);
  return ending;
}

function read(ending: Ending, typeUrl: string, value: Uint8Array): void {
  if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
    const { reason, domain, metadata } = ErrorInfo.decode(value);
    if (domain !== "mesosbridge") throw new Error(`an ErrorInfo of the domain '${domain}'`);
    ending.reason = reason;
    ending.metadata = metadata;
  } else if (typeUrl.endsWith("/google.rpc.BadRequest")) {
    const { fieldViolations } = BadRequest.decode(value);
    ending.violations = fieldViolations.map(({ field, description }) => `${field}: ${description}`);
  } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
    ending.retryable = RetryInfo.decode(value).retryDelay !== undefined;
  }
}
