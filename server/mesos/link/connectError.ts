import type { TlsError } from "../tls/tlsErrorText.js";

/** Not every server says by an alert that it wants a certificate. */
const UNANSWERED =
  " before it answered: a master that wants a client certificate, or another one, may end it so (--master-cert)";

/**
 * What went wrong with a connection to a master, in words for a person.
 *
 * @param answered the master has begun an answer
 */
export function connectErrorText(error: TlsError, master: URL, answered = true): string {
  if (error.meaning !== undefined) return error.meaning;
  // Node's own abort errors have a number as their code.
  const code = typeof error.code === "string" ? error.code : "";
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
      return `the connection to ${master.host} broke${answered || master.protocol !== "https:" ? "" : UNANSWERED}`;
    default:
  }
  if (error.name === "HTTPParserError") return `${master.host} does not speak HTTP; if it speaks TLS, write https://`;
  return `${master.host}: ${error.message === "" ? code || error.name : error.message}`;
}
