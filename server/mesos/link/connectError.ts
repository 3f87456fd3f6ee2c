/** What went wrong with a connection to a master, in words for a person. */
export function connectErrorText(error: Error & { code?: unknown }, master: URL): string {
  // Node's own abort errors have a number as their code.
  const code = typeof error.code === "string" ? error.code : "";
  // Node's own words: it has no code for this.
  if (error.message.includes("before secure TLS connection was established")) {
    return `${master.host} ended the connection instead of speaking TLS; if it speaks plain HTTP, write http://`;
  }
  switch (code) {
    case "ECONNREFUSED":
      return `nothing listens at ${master.host}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name ${master.hostname} can't be resolved`;
    case "ETIMEDOUT":
      return `${master.host} does not answer: what is sent there gets lost`;
    case "UND_ERR_CONNECT_TIMEOUT":
      return `${master.host} can't be reached: no connection in time`;
    case "UND_ERR_HEADERS_TIMEOUT":
      return `${master.host} took the connection and does not answer`;
    case "UND_ERR_SOCKET":
    case "ECONNRESET":
    case "EPIPE":
      return `the connection to ${master.host} broke`;
    default:
  }
  const certificate = certificateText(code);
  if (certificate !== undefined) return `the certificate of ${master.host} is not accepted: ${certificate} (${code})`;
  if (error.name === "HTTPParserError") return `${master.host} does not speak HTTP; if it speaks TLS, write https://`;
  if (code === "EPROTO" || code.startsWith("ERR_SSL_")) {
    return `${master.host} does not speak TLS as it should; if it speaks plain HTTP, write http:// (${code})`;
  }
  return `${master.host}: ${error.message === "" ? code || error.name : error.message}`;
}

/** What is wrong with a certificate, by the code of OpenSSL or Node; undefined if the code is about something else. */
function certificateText(code: string): string | undefined {
  switch (code) {
    case "UNABLE_TO_VERIFY_LEAF_SIGNATURE":
    case "UNABLE_TO_GET_ISSUER_CERT":
    case "UNABLE_TO_GET_ISSUER_CERT_LOCALLY":
    case "SELF_SIGNED_CERT_IN_CHAIN":
    case "DEPTH_ZERO_SELF_SIGNED_CERT":
    case "CERT_SIGNATURE_FAILURE":
      return "it comes from an authority that is not trusted; give its certificate with --master-ca";
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
