import type { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { errorText } from "../../wire/errorText.js";
import { authoritiesIn, certificatesIn, checkPair, checkTime } from "../files/pem.js";
import type { OptionFile } from "../files/watchedFiles.js";

/** What the bridge shows to clients, and the authorities that their certificates must come from. */
export interface TlsFiles {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: Buffer | undefined;
  /** The bridge's own, which is the first in `cert`. */
  readonly certificate: X509Certificate;
}

export interface TlsPaths {
  readonly cert: string;
  readonly key: string;
  readonly clientCa: string | undefined;
}

/** The files that show what the bridge is, and who its clients are. */
export type TlsOptionFiles = readonly [cert: OptionFile, key: OptionFile, ...clientCa: OptionFile[]];

/** The files in the order in which `tlsFilesFrom` takes their contents. */
export function tlsOptionFiles({ cert, key, clientCa }: TlsPaths): TlsOptionFiles {
  const pair = [
    { option: "--tls-cert", path: cert },
    { option: "--tls-key", path: key, secret: true },
  ] as const;
  return clientCa === undefined ? pair : [...pair, { option: "--tls-client-ca", path: clientCa }];
}

/**
 * Checks that the files can be used, and belong together.
 *
 * @throws Error with one line that names the option, the file and the cure
 */
export function tlsFilesFrom(files: TlsOptionFiles, contents: readonly Buffer[], nowMs: number): TlsFiles {
  const [certFile, keyFile, caFile] = files;
  const [cert, key, ca] = contents as [Buffer, Buffer, Buffer | undefined];
  const certificates = certificatesIn(certFile, cert);
  const [certificate] = certificates;
  checkTime(certFile, certificate, nowMs);
  checkPair(certFile, certificates, keyFile, key);
  if (ca !== undefined && caFile !== undefined) authoritiesIn(caFile, ca, nowMs);
  try {
    createSecureContext({ cert, key, ca });
  } catch (error) {
    throw new Error(`${certFile.option}: OpenSSL does not take ${certFile.path}: ${errorText(error)}`);
  }
  return { cert, key, ca, certificate };
}
