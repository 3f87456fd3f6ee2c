import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, type SecureContext } from "node:tls";
import { errorText } from "../../../wire/errorText.js";

/** The parts of what a client needs for TLS, all of which may be left out. */
export interface TlsParts<T> {
  /** The authorities to trust. */
  readonly ca: T;
  /** The client's certificate, and the certificates that lead to its authority. */
  readonly cert: T;
  readonly key: T;
}

/** Paths of PEM files. */
export type TlsFiles = TlsParts<string | undefined>;
/** The options that name them, such as `--master-ca`: for messages. */
export type TlsFlags = TlsParts<string>;

/** What the files hold, checked. */
export interface TlsMaterial {
  readonly context: SecureContext;
  /** The client's certificate, if there is one. */
  readonly certificate: X509Certificate | undefined;
}

/** The files as they are: their texts, and what changes when they do. */
export interface TlsTexts extends TlsParts<string | undefined> {
  readonly stamp: string;
  /** When the newest of them was written, in ms since 1970. */
  readonly writtenMs: number;
  /** All users of the machine can read the key. */
  readonly exposed: boolean;
}

const MAX_BYTES = 4 * 1024 * 1024;
const PARTS = ["ca", "cert", "key"] as const;
const OTHERS_MAY_READ = 0o004;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Reads the files, unless they have this stamp: then undefined. @throws Error that names the option and the file */
export async function readTlsFiles(files: TlsFiles, flags: TlsFlags, known: string): Promise<TlsTexts | undefined> {
  const texts: { -readonly [K in keyof TlsParts<unknown>]: string | undefined } = {
    ca: undefined,
    cert: undefined,
    key: undefined,
  };
  const stats = await Promise.all(PARTS.map((part) => statOf(files[part], flags[part])));
  const stamp = stats.map((one) => (one ? `${one.mtimeNs} ${one.size} ${one.ino}` : "")).join("|");
  if (stamp === known) return undefined;
  for (const part of PARTS) texts[part] = await textOf(files[part], flags[part]);
  const writtenMs = stats.reduce((newest, one) => Math.max(newest, Number(one?.mtimeMs ?? 0)), 0);
  return { ...texts, stamp, writtenMs, exposed: (Number(stats[2]?.mode ?? 0) & OTHERS_MAY_READ) !== 0 };
}

async function statOf(path: string | undefined, flag: string) {
  if (path === undefined) return undefined;
  const found = await stat(path, { bigint: true }).catch((error: unknown) => unreadable(path, flag, error));
  if (found.size > MAX_BYTES) throw new Error(`${flag}: ${path} holds more than ${MAX_BYTES} bytes`);
  return found;
}

async function textOf(path: string | undefined, flag: string): Promise<string | undefined> {
  if (path === undefined) return undefined;
  return readFile(path, "utf8").catch((error: unknown) => unreadable(path, flag, error));
}

function unreadable(path: string, flag: string, error: unknown): never {
  throw new Error(`${flag}: ${path} can't be read: ${errorText(error)}`);
}

/** Checks what the files hold. @throws Error with one line that names the option, the file and the cure, never a key */
export function tlsMaterial(texts: TlsTexts, files: TlsFiles, flags: TlsFlags, wallTimeMs: number): TlsMaterial {
  const { ca, cert, key } = texts;
  if (ca !== undefined) certificatesIn(ca, `${flags.ca}: ${files.ca}`);
  let certificate: X509Certificate | undefined;
  if (cert !== undefined && key !== undefined) {
    const where = `${flags.cert}: ${files.cert}`;
    const certificates = certificatesIn(cert, where);
    certificate = certificates[0] as X509Certificate;
    checkPair(certificates, keyIn(key, `${flags.key}: ${files.key}`), files, flags);
    checkTime(certificate, where, wallTimeMs);
  }
  return { context: contextOf(texts, flags), certificate };
}

function certificatesIn(text: string, where: string): X509Certificate[] {
  const blocks = text.match(CERTIFICATE) ?? [];
  if (blocks.length === 0) {
    const hint = text.includes("PRIVATE KEY-----") ? ", but a private key" : "";
    throw new Error(`${where} does not contain a PEM certificate${hint}`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    throw new Error(`${where} contains a PEM certificate that is damaged`);
  }
}

function keyIn(text: string, where: string): KeyObject {
  if (!text.includes("PRIVATE KEY-----")) {
    const hint = text.includes("-----BEGIN CERTIFICATE-----") ? ", but a certificate" : "";
    throw new Error(`${where} does not contain a PEM private key${hint}`);
  }
  if (text.includes("ENCRYPTED")) {
    throw new Error(`${where} is encrypted with a passphrase: store the key without one, in a file of its own user`);
  }
  try {
    return createPrivateKey(text);
  } catch {
    // The library's words may hold some of the file.
    throw new Error(`${where} contains a PEM private key that is damaged`);
  }
}

function checkPair(certificates: readonly X509Certificate[], key: KeyObject, files: TlsFiles, flags: TlsFlags): void {
  const at = certificates.findIndex((certificate) => certificate.checkPrivateKey(key));
  if (at === 0) return;
  if (at > 0) {
    throw new Error(`${flags.cert}: ${files.cert} must begin with the certificate of the key, which is its ${at + 1}.`);
  }
  throw new Error(`${flags.key}: ${files.key} is not the key of the certificate in ${files.cert} (${flags.cert})`);
}

function checkTime(certificate: X509Certificate, where: string, nowMs: number): void {
  if (hasExpired(certificate, nowMs)) throw new Error(`${where} ${expiry(certificate)}: give a newer certificate`);
  if (Date.parse(certificate.validFrom) > nowMs) {
    throw new Error(`${where} is not valid before ${certificate.validFrom}: check this machine's clock`);
  }
}

export function hasExpired(certificate: X509Certificate, nowMs: number): boolean {
  return Date.parse(certificate.validTo) <= nowMs;
}

export function expiry(certificate: X509Certificate): string {
  return `has expired on ${certificate.validTo}`;
}

function contextOf({ ca, cert, key }: TlsTexts, flags: TlsFlags): SecureContext {
  try {
    return createSecureContext({ ...(ca !== undefined && { ca }), ...(cert !== undefined && { cert, key }) });
  } catch (error) {
    const { code } = error as { code?: unknown };
    const what = cert === undefined ? flags.ca : `${flags.cert} and ${flags.key}`;
    throw new Error(`${what}: OpenSSL does not take them${typeof code === "string" ? ` (${code})` : ""}`);
  }
}
