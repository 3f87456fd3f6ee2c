import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import type { OptionFile } from "./watchedFiles.js";

/** The first one is of whoever shows them; the others lead to its authority. */
export type Certificates = readonly [X509Certificate, ...X509Certificate[]];

const BEGIN = "-----BEGIN CERTIFICATE-----";
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;
const KEY_MARK = "PRIVATE KEY-----";

/** The certificates in a PEM file. @throws Error with one line that names the option, the file and the cure */
export function certificatesIn(file: OptionFile, content: Buffer): Certificates {
  const text = content.toString("latin1");
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0 && !text.includes(BEGIN)) {
    const found = text.includes(KEY_MARK) ? "holds a key and no certificate" : "holds no certificate in PEM";
    throw new Error(`${file.option}: ${file.path} ${found}: give a file that begins with ${BEGIN}`);
  }
  try {
    const [first, ...more] = blocks.map((block) => new X509Certificate(block));
    if (first && blocks.length === text.split(BEGIN).length - 1) return [first, ...more];
  } catch {
    // The library's words say nothing that helps.
  }
  throw new Error(
    `${file.option}: ${file.path} holds a certificate that is damaged or not whole: write the file again`,
  );
}

/** The private key in a PEM file. @throws Error with one line that names the option, the file and the cure, never the key */
export function privateKeyIn({ option, path }: OptionFile, content: Buffer): KeyObject {
  const text = content.toString("latin1");
  if (!text.includes(KEY_MARK)) {
    const found = text.includes(BEGIN) ? "holds a certificate and no key" : "holds no private key in PEM";
    throw new Error(`${option}: ${path} ${found}: give a file with -----BEGIN PRIVATE KEY-----`);
  }
  if (text.includes("ENCRYPTED")) {
    const cure = "write it without a password (openssl pkey -in OLD -out NEW)";
    throw new Error(`${option}: the key in ${path} is encrypted: ${cure}`);
  }
  try {
    return createPrivateKey(content);
  } catch {
    // The library's words may hold some of the file.
    throw new Error(`${option}: the key in ${path} is damaged or not whole: write the file again`);
  }
}

/** Checks that the key is that of the first certificate. @throws Error with one line that names the option, the file and the cure */
export function checkPair(cert: OptionFile, certificates: Certificates, key: OptionFile, content: Buffer): void {
  const privateKey = privateKeyIn(key, content);
  const at = certificates.findIndex((certificate) => certificate.checkPrivateKey(privateKey));
  if (at === 0) return;
  if (at > 0) {
    throw new Error(
      `${cert.option}: the key belongs to certificate ${at + 1} in ${cert.path}: write that one first, then those that lead to its authority`,
    );
  }
  throw new Error(
    `${key.option}: the key in ${key.path} does not belong to the certificate in ${cert.path} (${cert.option}): give the key of this certificate`,
  );
}

/** Checks that a certificate is valid now. @throws Error with one line that names the option, the file and the cure */
export function checkTime({ option, path }: OptionFile, certificate: X509Certificate, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  if (hasExpired(certificate, nowMs)) {
    throw new Error(`${option}: the certificate in ${path} has expired on ${validTo}: renew it`);
  }
  if (Date.parse(validFrom) > nowMs) {
    throw new Error(`${option}: the certificate in ${path} is valid from ${validFrom}: check this machine's clock`);
  }
}

/**
 * The authorities in a PEM file, at least one of which must be valid: one that has expired does no harm beside others.
 *
 * @throws Error with one line that names the option, the file and the cure
 */
export function authoritiesIn(file: OptionFile, content: Buffer, nowMs: number): Certificates {
  const authorities = certificatesIn(file, content);
  if (!authorities.some((certificate) => certificate.ca || hasSignedItself(certificate))) {
    throw new Error(
      `${file.option}: ${file.path} holds no certificate of an authority (CA:TRUE), but one that an authority signed: ` +
        "give that authority's",
    );
  }
  if (authorities.some((authority) => !hasExpired(authority, nowMs))) return authorities;
  const { validTo } = authorities[0];
  throw new Error(`${file.option}: the authority in ${file.path} has expired on ${validTo}: renew it`);
}

/** Then it may be trusted as it is, whatever it says that it is for. */
function hasSignedItself(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject && certificate.verify(certificate.publicKey);
}

export function hasExpired({ validTo }: X509Certificate, nowMs: number): boolean {
  return Date.parse(validTo) < nowMs;
}
