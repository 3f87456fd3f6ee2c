import { timingSafeEqual } from "node:crypto";
import { type Answer, type Request, textAnswer } from "./answer.js";

export interface Credential {
  readonly principal: string;
  readonly secret: string;
}

/** The principal of a request, or the 401 that it gets. Without credentials everyone may come, without a principal. */
export function authenticate(
  request: Request,
  realm: string,
  credentials: readonly Credential[],
): { principal: string | undefined } | { refusal: Answer } {
  if (credentials.length === 0) return { principal: undefined };
  const [scheme, encoded = ""] = (request.headers.authorization ?? "").split(" ");
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  const principal = text.slice(0, colon);
  const secret = text.slice(colon + 1);
  const known = credentials.find((credential) => credential.principal === principal);
  if (scheme === "Basic" && colon >= 0 && known && sameSecret(known.secret, secret)) return { principal };
  return { refusal: textAnswer(401, "401 Unauthorized.", { "WWW-Authenticate": `Basic realm="${realm}"` }) };
}

function sameSecret(known: string, given: string): boolean {
  const [a, b] = [Buffer.from(known), Buffer.from(given)];
  return a.length === b.length && timingSafeEqual(a, b);
}
