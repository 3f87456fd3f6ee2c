import { KeyObject } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";

/** One of an issuer's keys. */
export interface IssuerKey {
  readonly kid: string;
  readonly public: JWK;
  readonly private: KeyObject;
}

export async function makeKey(kid: string, alg = "ES256"): Promise<IssuerKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  return { kid, public: { ...(await exportJWK(pair.publicKey)), kid, alg }, private: KeyObject.from(pair.privateKey) };
}

export interface Claims {
  readonly sub?: string;
  readonly iss?: string;
  readonly aud?: string;
  /** In seconds since 1970. */
  readonly exp?: number;
  readonly nbf?: number;
}

export const ISSUER = "https://issuer.example";
export const AUDIENCE = "mesos-bridge";

/** Signs a token that is valid for five minutes, unless the claims say otherwise. */
export async function sign(key: IssuerKey, claims: Claims = {}, nowMs = Date.now()): Promise<string> {
  const usual = { sub: "alice", iss: ISSUER, aud: AUDIENCE, exp: Math.floor(nowMs / 1000) + 300 };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: "ES256", kid: key.kid }).sign(key.private);
}

/** An issuer of tokens that publishes its keys over HTTP. */
export class FakeIssuer {
  readonly #server: Server;
  /** What it publishes. */
  keys: readonly IssuerKey[] = [];
  /** The status of its answers. */
  status = 200;
  asked = 0;

  private constructor() {
    this.#server = createServer((_, response) => {
      this.asked++;
      response.writeHead(this.status).end(JSON.stringify({ keys: this.keys.map((key) => key.public) }));
    });
  }

  static async start(keys: readonly IssuerKey[]): Promise<FakeIssuer> {
    const issuer = new FakeIssuer();
    issuer.keys = keys;
    issuer.#server.listen(0, "127.0.0.1");
    await once(issuer.#server, "listening");
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/keys`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
