import { Status } from "nice-grpc";
import type { TlsOptions } from "./access.js";
import { BridgeError } from "./errors.js";
import { probePlain, probeTls, speaksTls } from "./probe.js";

/** Where a client tried to attach, and how. */
export interface Attempted {
  address: string;
  tls: TlsOptions | undefined;
  /** Whether it connects through a proxy, which hides what is behind it. */
  proxied: boolean;
  /** Whether it sends a token. */
  hasToken: boolean;
}

/** What Node's TLS says, and what it means for the one at `address`. The first that fits counts. */
const TLS_WORDS: readonly (readonly [RegExp, (address: string) => string])[] = [
  [
    /wrong version number|packet length too long|http request/,
    (address) => `${address} does not speak TLS: leave out tls (--bridge-ca), or give the bridge a certificate`,
  ],
  [/no application protocol/, (address) => `${address} is not a Mesos bridge: it speaks TLS, but not HTTP/2`],
  [
    /alert certificate required|alert handshake failure/,
    (address) => `${address} demands a client certificate: give tls.cert and tls.key (--bridge-cert, --bridge-key)`,
  ],
  [/alert certificate expired/, (address) => `${address} refuses the client certificate: it has expired`],
  [/alert unknown ca/, (address) => `${address} refuses the client certificate: it does not trust its authority`],
  [/alert certificate revoked/, (address) => `${address} refuses the client certificate: it is revoked`],
  [
    /alert (bad|unsupported) certificate|alert certificate unknown|alert access denied/,
    (address) => `${address} refuses the client certificate`,
  ],
  [/certificate has expired/, (address) => `the bridge at ${address} can't be trusted: its certificate has expired`],
  [
    /certificate is not yet valid/,
    (address) => `the bridge at ${address} can't be trusted: its certificate is not yet valid`,
  ],
  [
    /does not match certificate's altnames/,
    (address) =>
      `the bridge's certificate is not for ${address}: use a name that it holds, in its address or as tls.serverName`,
  ],
  [
    /unable to verify the first certificate|self-signed certificate|issuer certificate/,
    (address) =>
      `the certificate of the bridge at ${address} is from an authority that is not trusted: give the authority as tls.ca (--bridge-ca)`,
  ],
];

/** gRPC says only this of some connections that failed. */
const UNCLEAR = /^(Protocol error|Failed to connect|Connection dropped|read ECONNRESET|.*socket hang up)/;

/** An error with which no stream came about, in words for people. It stays the same kind of error. */
export async function diagnosed(error: BridgeError, attempted: Attempted, signal: AbortSignal): Promise<BridgeError> {
  const text = (await explanation(error, attempted, signal)) ?? error.message;
  if (text === error.message) return error;
  const { reason, metadata, fieldViolations, retryDelayMs } = error;
  return new BridgeError(error.code, text, { reason, metadata, fieldViolations, retryDelayMs, cause: error });
}

async function explanation(error: BridgeError, attempted: Attempted, signal: AbortSignal): Promise<string | undefined> {
  const { address, tls, proxied, hasToken } = attempted;
  if (error.code === Status.UNAUTHENTICATED && !hasToken && tls?.cert === undefined) {
    return `${error.message} (give token or tls.cert: --bridge-token-file, --bridge-cert)`;
  }
  if (error.reason !== "") return undefined;
  if (error.code === Status.UNIMPLEMENTED) return `${address} is not a Mesos bridge: ${error.message}`;
  const words = tlsWords(error.message, address);
  if (words !== undefined || proxied || !UNCLEAR.test(error.message) || address.startsWith("unix:")) return words;
  return await (tls === undefined ? plainWords(address, signal) : tlsEndWords(address, tls, signal));
}

async function tlsEndWords(address: string, tls: TlsOptions, signal: AbortSignal): Promise<string | undefined> {
  const end = await probeTls(address, tls, signal);
  if (end === undefined) return undefined;
  const words = tlsWords(end.error, address);
  if (words !== undefined || !end.secure) return words;
  // Servers on Node, such as the bridge, do not say why.
  const why =
    tls.cert === undefined ? "it probably demands a client certificate" : "it probably refuses the client certificate";
  return `${address} ends connections after the TLS handshake: ${why}`;
}

function tlsWords(text: string, address: string): string | undefined {
  return TLS_WORDS.find(([pattern]) => pattern.test(text))?.[1](address);
}

async function plainWords(address: string, signal: AbortSignal): Promise<string | undefined> {
  const answer = await probePlain(address, signal);
  if (answer === "http1") return `${address} is not a Mesos bridge: it is a web server`;
  if (answer === "other") return `${address} is not a Mesos bridge: it answers in another protocol`;
  if (answer === "tls" || (answer === "silent" && (await speaksTls(address, signal)))) {
    return `${address} speaks TLS: give tls (--bridge-ca)`;
  }
  return undefined;
}
