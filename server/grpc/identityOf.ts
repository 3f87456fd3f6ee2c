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

/** Who makes a call; undefined for methods that ask nobody. */
export function knownIdentityOf({ metadata }: Call): Identity | undefined {
  return identities.get(metadata);
}

/** Who makes a call that a handler has. */
export function identityOf(call: Call): Identity {
  const identity = knownIdentityOf(call);
  if (!identity) throw new Error("nothing has asked who makes this call");
  return identity;
}
