import { Metadata, type ServiceError, status } from "@grpc/grpc-js";
import { BadRequest, ErrorInfo, RetryInfo } from "../../gen/google/rpc/error_details.js";
import { Status } from "../../gen/google/rpc/status.js";
import type { Log } from "../log.js";
import { BridgeError, errorOfCall } from "../session/errors.js";
import { type BoundedError, boundedError } from "./boundedError.js";

const DOMAIN = "mesosbridge";
const RETRY_DELAY = { seconds: 1n, nanos: 0 };

/** The one way from any error to what a client may see. What was not meant for clients is logged and not told. */
export function bridgeErrorOf(error: unknown, log: Log): BridgeError {
  const known = errorOfCall(error);
  if (known) return known;
  log.error({ err: error }, "a request failed");
  return new BridgeError("INTERNAL", "the bridge failed; its log says why");
}

/** The status that ends a call because of any error. */
export function statusOf(error: unknown, log: Log): ServiceError {
  return serviceError(bridgeErrorOf(error, log));
}

/** The gRPC status code of an error. */
export function codeOf(error: BridgeError): status {
  return status[error.status as keyof typeof status] ?? status.UNKNOWN;
}

function serviceError(error: BridgeError): ServiceError {
  const code = codeOf(error);
  const bounded = boundedError(error);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(Status.encode(richStatus(error, bounded, code)).finish()));
  return Object.assign(new Error(bounded.message), { code, details: bounded.message, metadata });
}

function richStatus(
  { reason, retryable }: BridgeError,
  { message, metadata, violations }: BoundedError,
  code: number,
): Status {
  const info = ErrorInfo.fromPartial({ reason, domain: DOMAIN, metadata: { ...metadata } });
  const details = [packed("google.rpc.ErrorInfo", ErrorInfo.encode(info).finish())];
  if (violations.length > 0) {
    const request = BadRequest.fromPartial({ fieldViolations: violations.map((violation) => ({ ...violation })) });
    details.push(packed("google.rpc.BadRequest", BadRequest.encode(request).finish()));
  }
  if (retryable) {
    const retry = RetryInfo.fromPartial({ retryDelay: RETRY_DELAY });
    details.push(packed("google.rpc.RetryInfo", RetryInfo.encode(retry).finish()));
  }
  return Status.fromPartial({ code, message, details });
}

function packed(type: string, value: Uint8Array): { typeUrl: string; value: Buffer } {
  return { typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) };
}
