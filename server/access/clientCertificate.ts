import type { TLSSocket } from "node:tls";
import { certificateNames } from "./certificateNames.js";
import { type Evidence, NO_EVIDENCE } from "./evidence.js";

const PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the client's certificate has expired: renew it",
  CERT_NOT_YET_VALID: "the client's certificate is not valid yet: check the clocks",
  INVALID_PURPOSE: "the client's certificate is not made for clients: make one with the extended key usage clientAuth",
};

const UNKNOWN_AUTHORITY =
  "the client's certificate comes from an authority that the bridge does not trust: use one from an authority of serve --tls-client-ca";

/** Of a TLS connection that asked for a certificate: what the client has shown. Costs some reading, so once a connection. */
export function certificateEvidence(socket: TLSSocket): Evidence {
  const certificate = socket.getPeerCertificate();
  // Empty if there is none: the client may send a token instead.
  if (certificate === undefined || Object.keys(certificate).length === 0) {
    return NO_EVIDENCE;
  }
  if (!socket.authorized) {
    const code = String(socket.authorizationError);
    return unproven(`${PROBLEMS[code] ?? UNKNOWN_AUTHORITY} (${code})`);
  }
  const [first, ...more] = certificateNames(certificate);
  if (first === undefined) return unproven("the client's certificate has no name: make one with a SAN or a CN");
  return { kind: "proven", identity: { kind: "certificate", names: [first, ...more] } };
}

function unproven(problem: string): Evidence {
  return { kind: "unproven", problem };
}
