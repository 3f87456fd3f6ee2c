import type { X509Certificate } from "node:crypto";
import { createSecureContext, type SecureContext } from "node:tls";
import { authoritiesIn, certificatesIn, checkPair, checkTime } from "../../files/pem.js";
import type { OptionFile } from "../../files/watchedFiles.js";

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

/** A file that is given, and what it is for. */
export interface PartFile extends OptionFile {
  readonly part: keyof TlsFiles;
}

/** The files that are given, in the order in which `tlsMaterial` takes their contents. */
export function partFiles(files: TlsFiles, flags: TlsFlags): PartFile[] {
  return (["ca", "cert", "key"] as const).flatMap((part) => {
    const path = files[part];
    return path === undefined ? [] : [{ part, option: flags[part], path, secret: part === "key" }];
  });
}

/** Checks what the files hold. @throws Error with one line that names the option, the file and the cure, never a key */
export function tlsMaterial(files: readonly PartFile[], contents: readonly Buffer[], nowMs: number): TlsMaterial {
  const at = (wanted: keyof TlsFiles) => {
    const index = files.findIndex(({ part }) => part === wanted);
    const [file, content] = [files[index], contents[index]];
    return file && content && { file, content };
  };
  const [ca, cert, key] = [at("ca"), at("cert"), at("key")];
  if (ca) authoritiesIn(ca.file, ca.content, nowMs);
  let certificate: X509Certificate | undefined;
  if (cert && key) {
    const certificates = certificatesIn(cert.file, cert.content);
    [certificate] = certificates;
    checkPair(cert.file, certificates, key.file, key.content);
    checkTime(cert.file, certificate, nowMs);
  }
  const identity = cert && key && { cert: cert.content, key: key.content };
  return { context: contextOf({ ...(ca && { ca: ca.content }), ...identity }, files), certificate };
}

function contextOf(parts: { ca?: Buffer; cert?: Buffer; key?: Buffer }, files: readonly PartFile[]): SecureContext {
  try {
    return createSecureContext(parts);
  } catch (error) {
    const { code } = error as { code?: unknown };
    const what = files.map(({ option }) => option).join(", ");
    throw new Error(`${what}: OpenSSL does not take them${typeof code === "string" ? ` (${code})` : ""}`);
  }
}
