/**
 * Who is calling, as proven. Names carry their kind, so that a token can't be named like a certificate:
 * `unix:/path/of/socket`, `uri:spiffe://x/y`, `dns:host.name`, `cn:some name`, `token:NAME`, `jwt:SUBJECT`.
 */
export type Identity =
  /** Authentication is off. */
  | { readonly kind: "anonymous" }
  /** The first name is for logs; rules match any of them. */
  | { readonly kind: "socket" | "certificate" | "token" | "jwt"; readonly names: Names };

export type Names = readonly [string, ...string[]];

export const ANONYMOUS: Identity = { kind: "anonymous" };

/** What an identity is called in logs and lists. */
export function nameOf(identity: Identity): string {
  return identity.kind === "anonymous" ? "anonymous" : identity.names[0];
}

/** All names of an identity; none while authentication is off. */
export function namesOf(identity: Identity): readonly string[] {
  return identity.kind === "anonymous" ? [] : identity.names;
}
