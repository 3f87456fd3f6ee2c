import { decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { Clock } from "../../wire/clock.js";
import { BridgeError } from "../session/errors.js";
import type { JwtChecker } from "./authenticator.js";
import type { Identity } from "./identity.js";
import type { KeySet, KeySource } from "./keySet.js";
import { unauthenticated } from "./unauthenticated.js";
import { VerifiedTokens } from "./verifiedTokens.js";

/** Signatures by a private key. What a public key could make, or nothing at all, is never taken. */
const ALGORITHMS = [
  ...["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"],
  ...["ES256", "ES384", "ES512", "EdDSA", "Ed25519"],
];
const SKEW_SECONDS = 30;
const MAX_SUBJECT_LENGTH = 1_024;

export interface JwtOptions {
  readonly keys: KeySource;
  readonly issuer: string;
  readonly audience: string;
  readonly clock: Clock;
}

/** Checks JSON Web Tokens with the keys of their issuer. */
export class JwtVerifier implements JwtChecker {
  readonly #options: JwtOptions;
  readonly #verified = new VerifiedTokens();
  /** Those that `#verified` was checked with. */
  #keys: KeySet | undefined;

  constructor(options: JwtOptions) {
    this.#options = options;
  }

  identify(token: string, hash: Buffer): Identity | Promise<Identity> {
    const keys = this.#options.keys.keys();
    if (keys !== this.#keys) this.#verified.clear();
    this.#keys = keys;
    const known = keys && this.#verified.get(hash, this.#options.clock.wallTime());
    return known ?? this.#identify(token, hash, keys);
  }

  async #identify(token: string, hash: Buffer, keys: KeySet | undefined): Promise<Identity> {
    checkAlgorithm(token);
    try {
      if (keys) return await this.#verify(token, hash, keys);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw refusal(error);
    }
    // The issuer may have begun to use another key.
    const reached = await this.#options.keys.refresh();
    const newer = this.#options.keys.keys();
    if (!newer || (!reached && newer === keys)) throw issuerUnavailable();
    try {
      return await this.#verify(token, hash, newer);
    } catch (error) {
      throw refusal(error);
    }
  }

  async #verify(token: string, hash: Buffer, keys: KeySet): Promise<Identity> {
    const { issuer, audience, clock } = this.#options;
    const { payload } = await jwtVerify(token, keys.resolve, {
      issuer,
      audience,
      algorithms: ALGORITHMS,
      clockTolerance: SKEW_SECONDS,
      currentDate: new Date(clock.wallTime()),
      requiredClaims: ["exp", "sub"],
    });
    const { sub, exp } = payload;
    if (typeof sub !== "string" || sub === "" || sub.length > MAX_SUBJECT_LENGTH || exp === undefined) {
      throw unauthenticated("the token's claim 'sub' is missing or too long");
    }
    const identity: Identity = { kind: "jwt", names: [`jwt:${sub}`] };
    if (keys === this.#keys) this.#verified.add(hash, identity, (exp + SKEW_SECONDS) * 1000);
    return identity;
  }
}

function checkAlgorithm(token: string): void {
  let algorithm: unknown;
  try {
    algorithm = decodeProtectedHeader(token).alg;
  } catch {
    throw unauthenticated("the token is not a JSON Web Token");
  }
  if (!ALGORITHMS.some((each) => each === algorithm)) throw unauthenticated("the token's algorithm is not allowed");
}

/** The reason in words, without what the token should have held. */
function refusal(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  if (error instanceof errors.JWTExpired) return unauthenticated("the token has expired: get a new one");
  if (error instanceof errors.JWTClaimValidationFailed) return unauthenticated(claimProblem(error.claim));
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return unauthenticated("the token's signature is not valid");
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return unauthenticated("the token is signed with a key that its issuer does not have: get a new one");
  }
  if (error instanceof errors.JWKSMultipleMatchingKeys) {
    return unauthenticated("the token does not say with which key it is signed ('kid')");
  }
  return unauthenticated("the token is not a JSON Web Token that the bridge can check");
}

function claimProblem(claim: string): string {
  switch (claim) {
    case "iss":
      return "the token is of another issuer ('iss')";
    case "aud":
      return "the token is for another audience ('aud')";
    case "nbf":
      return "the token is not valid yet ('nbf')";
    default:
      return `the token's claim '${claim === "exp" || claim === "sub" || claim === "iat" ? claim : "?"}' is missing or wrong`;
  }
}

function issuerUnavailable(): BridgeError {
  return new BridgeError(
    "ISSUER_UNAVAILABLE",
    "the bridge can't get the keys of the token's issuer now: try again; the bridge's log says why",
  );
}
