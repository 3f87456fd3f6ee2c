import type { TlsFlags } from "./tlsFiles.js";

/** Whom a connection leads to, for messages. */
export interface TlsPeer {
  /** Such as `10.0.0.1:5050`. */
  readonly where: string;
  /** The options that say how the bridge speaks TLS with it. */
  readonly flags: TlsFlags;
  /** What to do if it speaks no TLS, such as `if it speaks plain HTTP, write http://`. */
  readonly ifPlain: string;
}

/** An error of a TLS connection, and what it means. */
export interface TlsError extends Error {
  readonly code?: unknown;
  /** Words for a person: set by `connectWithTls`. */
  meaning?: string;
}

/** What a connection has come to. */
export interface TlsProgress {
  /** The handshake is over, as far as the bridge sees. */
  readonly ready: boolean;
  /** The bridge has a client certificate. */
  readonly showed: boolean;
}

/** What ended a TLS connection, in words; undefined if TLS has no part in it. */
export function tlsErrorText(error: TlsError, peer: TlsPeer, { ready, showed }: TlsProgress): string | undefined {
  // Node's own abort errors have a number as their code.
  const code = typeof error.code === "string" ? error.code : "";
  const { where, ifPlain, flags } = peer;
  if (!ready && (code === "ECONNRESET" || code === "EPIPE")) {
    return `${where} ended the connection instead of speaking TLS; ${ifPlain}`;
  }
  const certificate = certificateText(code, flags);
  if (certificate !== undefined) return `the certificate of ${where} is not accepted: ${certificate} (${code})`;
  const alert = /^ERR_SSL_\S*ALERT_(?:NUMBER_)?(\w+)$/.exec(code)?.[1];
  const refusal = alert === undefined ? undefined : alertText(alert, flags, showed);
  if (refusal !== undefined) return `${where} ${refusal} (${code})`;
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    return `${where} does not speak TLS as it should; ${ifPlain} (${code})`;
  }
  return undefined;
}

/** What is wrong with the peer's certificate, by the code of OpenSSL or Node; undefined if the code is about something else. */
function certificateText(code: string, flags: TlsFlags): string | undefined {
  switch (code) {
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_SIGNATURE_FAILURE":
      return `it comes from an authority that is not trusted; give its certificate with ${flags.ca}`;
    case "CERT_HAS_EXPIRED":
      return "it has expired";
    case "CERT_NOT_YET_VALID":
      return "it is not valid yet";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return "it is for another name or address";
    default:
      return code.startsWith("CERT_") || code.startsWith("INVALID_PURPOSE") ? "it can't be verified" : undefined;
  }
}

/** What a peer says by an alert, after the name that OpenSSL gives that; undefined if it is not about certificates. */
function alertText(alert: string, { cert, key }: TlsFlags, showed: boolean): string | undefined {
  const wants = `wants a client certificate: give one with ${cert} and ${key}`;
  const refuses = `does not accept the bridge's client certificate (${cert})`;
  switch (alert) {
    case "CERTIFICATE_REQUIRED":
    case "NO_CERTIFICATE":
      return wants;
    case "UNKNOWN_CA":
      return showed ? `${refuses}: it does not trust its authority; give one of an authority that it trusts` : wants;
    case "CERTIFICATE_EXPIRED":
      return showed ? `${refuses}: it has expired; replace it and its key` : wants;
    case "CERTIFICATE_REVOKED":
      return showed ? `${refuses}: it was revoked; replace it and its key` : wants;
    case "BAD_CERTIFICATE":
    case "UNSUPPORTED_CERTIFICATE":
    case "CERTIFICATE_UNKNOWN":
    case "ACCESS_DENIED":
      return showed ? `${refuses}: check its authority, its dates, and that it is for clients` : wants;
    case "HANDSHAKE_FAILURE":
      return showed
        ? `ended the handshake: it may not accept the bridge's client certificate (${cert}), or its versions or ciphers`
        : `ended the handshake: it may want a client certificate (${cert} and ${key}), or other versions or ciphers`;
    case "PROTOCOL_VERSION":
      return "speaks no version of TLS that the bridge does: TLS 1.2 or 1.3";
    default:
      return undefined;
  }
}
