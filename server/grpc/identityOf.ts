import type { Metadata } from "@grpc/grpc-js";
import { ANONYMOUS, type Identity } from "../access/identity.js";

/** Who makes a call that a handler has. */
export function identityOf(_call: { readonly metadata: Metadata }): Identity {
  return ANONYMOUS;
}
