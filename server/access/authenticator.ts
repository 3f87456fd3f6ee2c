import { BridgeError } from "../session/errors.js";
import type { Evidence } from "./evidence.js";
import { ANONYMOUS, type Identity } from "./identity.js";

/** What recognises clients, as far as it is configured. */
export interface AuthenticatorOptions {
  /** Clients on TLS connections are asked for a certificate. */
  readonly certificates: boolean;
}

/** Says who makes a call. */
export class Authenticator {
  readonly #options: AuthenticatorOptions;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
  }

  /** Whether a caller must be recognised. */
  get required(): boolean {
    return this.#options.certificates;
  }

  /**
   * @param evidence what the connection proves
   * @throws BridgeError UNAUTHENTICATED
   */
  identify(evidence: Evidence): Identity {
    if (evidence.kind === "proven") return evidence.identity;
    if (!this.required) return ANONYMOUS;
    throw unauthenticated(evidence.problem ?? "the call has no credentials: give a client certificate over TLS");
  }
}

/** @param why what is wrong and what to do; nothing that helps to guess credentials */
export function unauthenticated(why: string): BridgeError {
  return new BridgeError("UNAUTHENTICATED", why);
}
