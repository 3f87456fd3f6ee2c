/** Of a client whose handshake succeeded. */
export const NO_HTTP2 = "the client does not offer HTTP/2 (ALPN h2), which gRPC needs";

const WORDS: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: "the client speaks HTTP without TLS: configure TLS",
  ERR_SSL_WRONG_VERSION_NUMBER: "the client does not speak TLS: configure TLS, as with the bridge's authority",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "the client speaks only versions of TLS before 1.2",
  ERR_SSL_NO_SHARED_CIPHER: "the client has no cipher in common with the bridge",
  ERR_SSL_NO_APPLICATION_PROTOCOL: NO_HTTP2,
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: "the client does not trust the authority of the bridge's certificate",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN: "the client does not accept the bridge's certificate",
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: "the client does not accept the bridge's certificate, such as for its names",
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    "to the client the bridge's certificate has expired: renew it, or check the clocks",
  ERR_SSL_BAD_SIGNATURE: "the client's key does not belong to its certificate",
  ERR_TLS_HANDSHAKE_TIMEOUT: "the client did not finish the handshake in time",
  ECONNRESET: "the client hung up during the handshake: it may not accept the bridge's certificate",
};

/** Why a handshake failed, in words. */
export function handshakeProblem({ code, message }: NodeJS.ErrnoException): string {
  const known = WORDS[code ?? ""];
  return known === undefined ? message.trim() : `${known} (${code})`;
}
