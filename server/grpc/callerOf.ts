import type { Metadata } from "@grpc/grpc-js";
import type { Caller, Callers } from "../access/callers.js";
import type { BridgeError } from "../session/errors.js";
import { parseHeader } from "./callHeader.js";
import type { Connections } from "./connections/connections.js";
import { identityOf, knownIdentityOf } from "./identityOf.js";
import { RequestFields } from "./requestFields.js";
import type { StreamAges } from "./streamAges.js";

/** Who makes a call, with what they may do. In constant time. */
export class CallersOfCalls {
  readonly #callers: Callers;
  readonly #connections: Connections;
  readonly #ages: StreamAges;

  constructor(callers: Callers, connections: Connections, ages: StreamAges) {
    this.#callers = callers;
    this.#connections = connections;
    this.#ages = ages;
  }

  of(call: { readonly metadata: Metadata }): Caller {
    return this.#callers.of(identityOf(call));
  }

  /** Ends a stream when its caller's credentials are too old. Returns what takes that back. */
  limitAge(call: { readonly metadata: Metadata }, end: (error: BridgeError) => void): () => void {
    return this.#ages.limit(this.#connections.of(call).connection, knownIdentityOf(call), end);
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
