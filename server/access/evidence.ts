import type { Identity } from "./identity.js";

/** What a connection says of its client, before any call. */
export type Evidence =
  | { readonly kind: "proven"; readonly identity: Identity }
  /** @property problem why a certificate does not count, in words for the client */
  | { readonly kind: "unproven"; readonly problem: string | undefined };

/** A plain connection, or one without a certificate. */
export const NO_EVIDENCE: Evidence = { kind: "unproven", problem: undefined };

/** The mode of the socket's file decides who can connect. */
export function socketEvidence(path: string): Evidence {
  return { kind: "proven", identity: { kind: "socket", names: [`unix:${path}`] } };
}
