import type { Metadata } from "@grpc/grpc-js";
import type { Identity } from "../access/identity.js";

interface Call {
  readonly metadata: Metadata;
}

const identities = new WeakMap<Metadata, Identity>();

/** Says who makes a call, once, before its handler has it. */
export function setIdentity({ metadata }: Call, identity: Identity): void {
  identities.set(metadata, identity);
}

/** Who makes a call that a handler has. */
export function identityOf({ metadata }: Call): Identity {
  const identity = identities.get(metadata);
  if (!identity) throw new Error("nothing has asked who makes this call");
  return identity;
}
