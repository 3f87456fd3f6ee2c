import type { Evidence } from "./evidence.js";
import { ANONYMOUS, type Identity } from "./identity.js";
import { type TokenList, tokenHash } from "./tokenList.js";
import { unauthenticated } from "./unauthenticated.js";

/** Longer than any token is, and shorter than what HTTP/2 takes in a header. */
const MAX_TOKEN_BYTES = 16 * 1024;

/** Checks tokens that an issuer has signed. */
export interface JwtChecker {
  /**
   * @param hash the token's SHA-256 hash
   * @throws BridgeError UNAUTHENTICATED, ISSUER_UNAVAILABLE; or rejects with it
   */
  identify(token: string, hash: Buffer): Identity | Promise<Identity>;
}

/** What recognises clients, as far as it is configured. */
export interface AuthenticatorOptions {
  /** Clients on TLS connections are asked for a certificate. */
  readonly certificates: boolean;
  readonly tokens: { readonly value: TokenList } | undefined;
  readonly jwt: JwtChecker | undefined;
}

/** Says who makes a call. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;
  /** Whether a caller must be recognised: otherwise each is anonymous. */
  readonly required: boolean;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.required = options.certificates || this.#takesTokens;
  }

  /**
   * A token says who calls, whatever the connection proves: a proxy with a certificate of its own may pass it on. One that
   * is wrong is never overlooked.
   *
   * @param evidence what the connection proves
   * @param authorization the call's metadata of that name
   * @throws BridgeError UNAUTHENTICATED, ISSUER_UNAVAILABLE; or rejects with it
   */
  identify(evidence: Evidence, authorization: string | undefined): Identity | Promise<Identity> {
    if (authorization !== undefined && this.required) return this.#byToken(authorization);
    if (evidence.kind === "proven") return evidence.identity;
    if (!this.required) return ANONYMOUS;
    throw unauthenticated(evidence.problem ?? this.#nothingGiven);
  }

  #byToken(authorization: string): Identity | Promise<Identity> {
    if (!this.#takesTokens) throw unauthenticated("the bridge takes no tokens: use a client certificate, and no token");
    if (authorization.length > MAX_TOKEN_BYTES) throw unauthenticated("the token is too long");
    const [, token] = /^bearer +([\x21-\x7e]+)$/i.exec(authorization) ?? [];
    if (token === undefined) throw unauthenticated("the metadata authorization is not 'Bearer TOKEN'");
    const { tokens, jwt } = this.#options;
    const hash = tokenHash(token);
    const known = tokens?.value.identityOf(hash);
    if (known) return known;
    if (jwt && token.split(".", 4).length === 3) return jwt.identify(token, hash);
    throw unauthenticated("the token is not valid: get another one from the bridge's operator");
  }

  get #takesTokens(): boolean {
    return this.#options.tokens !== undefined || this.#options.jwt !== undefined;
  }

  get #nothingGiven(): string {
    const certificate = "the client gave no certificate";
    if (!this.#takesTokens) return `${certificate}: configure one from an authority of serve --tls-client-ca`;
    const cure = "send a token as metadata 'authorization: Bearer TOKEN'";
    if (!this.#options.certificates) return `the call has no credentials: ${cure}`;
    return `${certificate}, and the call has no token: configure a certificate, or ${cure}`;
  }
}
