import { createPrivateKey, X509Certificate } from "node:crypto";
import { errorText } from "../../../wire/errorText.js";
import { OptionError } from "./optionError.js";

/** How to use TLS. All certificates and keys are in PEM. */
export interface TlsOptions {
  /** The authorities that may have signed the bridge's certificate. Default: those that Node trusts. */
  ca?: string | Uint8Array;
  /** This client's own certificate, if the bridge asks for one; its authorities may follow it. Needs `key`. */
  cert?: string | Uint8Array;
  /** The key of `cert`. */
  key?: string | Uint8Array;
  /** The name that the bridge's certificate must hold. Default: the host of the address. */
  serverName?: string;
}

/** A token, or a function that gives a fresh one. It is called for each stream and each call. */
export type Token = string | (() => string | Promise<string>);

/**
 * Checks what can be checked before a connection is made.
 *
 * @throws OptionError that names the option
 */
export function checkTls({ ca, cert, key }: TlsOptions): void {
  if (ca !== undefined) readCertificate("ca", ca);
  if (cert === undefined && key === undefined) return;
  if (key === undefined) throw new OptionError("tls.cert needs its key: give tls.key as well");
  if (cert === undefined) throw new OptionError("tls.key needs its certificate: give tls.cert as well");
  const certificate = readCertificate("cert", cert);
  if (!certificate.checkPrivateKey(readKey(key))) {
    throw new OptionError("tls.key is not the key of the certificate in tls.cert");
  }
}

function readCertificate(option: "ca" | "cert", pem: string | Uint8Array): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new OptionError(`tls.${option} is not a certificate in PEM: ${errorText(error)}`);
  }
}

function readKey(pem: string | Uint8Array) {
  try {
    return createPrivateKey(typeof pem === "string" ? pem : Buffer.from(pem));
  } catch {
    // What it says of a key may hold a piece of it.
    throw new OptionError("tls.key is not a key in PEM without a passphrase");
  }
}

/**
 * Checks a token. Its errors do not repeat it.
 *
 * @throws OptionError unless it can be sent
 */
export function checkToken(token: unknown): string {
  // gRPC's own error repeats what it can't send.
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new OptionError("a token must be a text of ASCII characters without spaces and line breaks");
}

/**
 * Refuses to send tokens where others can read them.
 *
 * @param addresses  of bridges
 * @param proxy  HOST:PORT of the proxy on the way to them
 * @throws OptionError that names the address
 */
export function checkPlainText(addresses: readonly string[], proxy: string | undefined): void {
  for (const address of [...addresses, ...(proxy === undefined ? [] : [proxy])]) {
    if (isLocal(address)) continue;
    throw new OptionError(
      `the token would go to ${address} in plain text: use TLS (tls, --bridge-ca), or leave the token out`,
    );
  }
}

/** Whether what is sent to an address does not leave this host. */
function isLocal(address: string): boolean {
  if (address.startsWith("unix:")) return true;
  const [, host = ""] = /^(.*):\d+$/.exec(address) ?? [];
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(host);
}
