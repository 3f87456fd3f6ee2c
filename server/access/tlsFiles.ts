import { createPrivateKey, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { errorText } from "../../wire/errorText.js";
import type { OptionFile } from "./watchedFiles.js";

/** What the bridge shows to clients, and the authorities that their certificates must come from. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
}

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

const CERT = "--tls-cert";
const KEY = "--tls-key";
const CLIENT_CA = "--tls-client-ca";

/** The files in the order in which `tlsFilesFrom` takes their contents. */
export function tlsOptionFiles({ cert, key, clientCa }: TlsPaths): OptionFile[] {
  const files: OptionFile[] = [
    { option: CERT, path: cert },
    { option: KEY, path: key, secret: true },
  ];
  return clientCa === undefined ? files : [...files, { option: CLIENT_CA, path: clientCa }];
}

/**
 * Checks that the files can be used, and belong together.
 *
 * @throws Error with one line that names the option, the file and the cure
 */
export function tlsFilesFrom(paths: TlsPaths, contents: readonly Buffer[], nowMs: number): TlsFiles {
  const [cert, key, ca] = contents as [Buffer, Buffer, Buffer | undefined];
  const [own] = certificatesIn(CERT, paths.cert, cert) as [X509Certificate];
  checkTime(CERT, paths.cert, own, nowMs);
  checkKey(paths, own, key);
  if (ca !== undefined && paths.clientCa !== undefined) checkAuthorities(paths.clientCa, ca, nowMs);
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    throw new Error(`${CERT}: OpenSSL does not take ${paths.cert}: ${errorText(error)}`);
  }
  return { cert, key, ca };
}

const BEGIN = "-----BEGIN CERTIFICATE-----";
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END CERTIFICATE-----/g;

/** At least one. */
function certificatesIn(option: string, path: string, content: Buffer): X509Certificate[] {
  const text = content.toString("latin1");
  const blocks = text.match(BLOCK) ?? [];
  if (blocks.length === 0 && !text.includes(BEGIN)) {
    const found = text.includes("PRIVATE KEY-----") ? "holds a key and no certificate" : "holds no certificate in PEM";
    throw new Error(`${option}: ${path} ${found}: give a file that begins with ${BEGIN}`);
  }
  if (blocks.length !== text.split(BEGIN).length - 1) throw damaged(option, path);
  return blocks.map((block) => {
    try {
      return new X509Certificate(block);
    } catch {
      throw damaged(option, path);
    }
  });
}

function damaged(option: string, path: string): Error {
  return new Error(`${option}: ${path} holds a certificate that is damaged or not whole: write the file again`);
}

function checkTime(option: string, path: string, { validFrom, validTo }: X509Certificate, nowMs: number): void {
  if (Date.parse(validTo) < nowMs) {
    throw new Error(`${option}: the certificate in ${path} has expired on ${validTo}: renew it`);
  }
  if (Date.parse(validFrom) > nowMs) {
    throw new Error(`${option}: the certificate in ${path} is valid from ${validFrom}: check this machine's clock`);
  }
}

function checkKey(paths: TlsPaths, own: X509Certificate, content: Buffer): void {
  const key = privateKeyIn(paths.key, content);
  if (own.checkPrivateKey(key)) return;
  throw new Error(
    `${KEY}: the key in ${paths.key} does not belong to the certificate in ${paths.cert}: give the key of this certificate`,
  );
}

function privateKeyIn(path: string, content: Buffer) {
  const text = content.toString("latin1");
  if (!text.includes("PRIVATE KEY-----")) {
    const found = text.includes(BEGIN) ? "holds a certificate and no key" : "holds no private key in PEM";
    throw new Error(`${KEY}: ${path} ${found}: give a file with -----BEGIN PRIVATE KEY-----`);
  }
  if (text.includes("ENCRYPTED")) {
    throw new Error(
      `${KEY}: the key in ${path} is encrypted: write it without a password (openssl pkey -in OLD -out NEW)`,
    );
  }
  try {
    return createPrivateKey(content);
  } catch {
    throw new Error(`${KEY}: the key in ${path} is damaged or not whole: write the file again`);
  }
}

/** One that has expired does no harm beside others. */
function checkAuthorities(path: string, content: Buffer, nowMs: number): void {
  const authorities = certificatesIn(CLIENT_CA, path, content);
  if (authorities.some(({ validTo }) => Date.parse(validTo) >= nowMs)) return;
  const { validTo } = authorities[0] as X509Certificate;
  throw new Error(`${CLIENT_CA}: the authority in ${path} has expired on ${validTo}: renew it`);
}
