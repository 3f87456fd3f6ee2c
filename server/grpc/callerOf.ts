import type { Metadata } from "@grpc/grpc-js";
import type { Caller, Callers } from "../access/callers.js";
import { parseHeader } from "./callHeader.js";
import { identityOf } from "./identityOf.js";
import { RequestFields } from "./requestFields.js";

/** Who makes a call, with what they may do. In constant time. */
export class CallersOfCalls {
  readonly #callers: Callers;

  constructor(callers: Callers) {
    this.#callers = callers;
  }

  of(call: { readonly metadata: Metadata }): Caller {
    return this.#callers.of(identityOf(call));
  }

  /** Calls back when permissions may have changed. Returns what ends that. */
  onChanged(listener: () => void): () => void {
    return this.#callers.onChanged(listener);
  }
}

/** The framework name that a request has in a field of its own; "" if it has none. @throws WireError */
export function frameworkNameIn(request: Uint8Array, field: number): string {
  return new RequestFields(request).string(field);
}

/** The framework name in a header, which is field 1 of all requests that have one. @throws WireError, BridgeError INVALID_FIELD */
export function frameworkNameInHeader(request: Uint8Array): string {
  return parseHeader(new RequestFields(request).message(1)).frameworkName;
}
