import type { SecureContext } from "node:tls";
import { type Clock, systemClock } from "../../../wire/clock.js";
import { ExpiryWatch } from "../../files/expiryWatch.js";
import { WatchedFiles } from "../../files/watchedFiles.js";
import type { Log } from "../../log.js";
import { type PartFile, partFiles, type TlsFiles, type TlsFlags, type TlsMaterial, tlsMaterial } from "./tlsFiles.js";

/** What the bridge needs to speak TLS with its peers: it may change while the bridge runs. */
export interface ClientTls {
  /** For the next connection. Undefined: no certificate, and the authorities that Node trusts. */
  readonly context: SecureContext | undefined;
  /** True if the bridge shows a certificate to a peer that wants one. */
  readonly hasCertificate: boolean;
  /** Calls `listener` when new connections use something else than before. Returns what ends that. */
  onChanged(listener: () => void): () => void;
}

/** No certificate, and the authorities that Node trusts. */
export const plainTls: ClientTls = { context: undefined, hasCertificate: false, onChanged: () => () => {} };

export interface TlsWatchOptions {
  readonly files: TlsFiles;
  readonly flags: TlsFlags;
  readonly log: Log;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * TLS by files that may be replaced while the bridge runs. New connections use new files once all of them together are
 * good; until then they use the last good ones.
 */
export class WatchedTls implements ClientTls {
  readonly #files: WatchedFiles<TlsMaterial>;
  readonly #expiry: ExpiryWatch | undefined;

  private constructor(files: WatchedFiles<TlsMaterial>, expiry: ExpiryWatch | undefined) {
    this.#files = files;
    this.#expiry = expiry;
  }

  /** Reads the files. @throws Error with one line that names the option, the file and the cure */
  static async open({ files: paths, flags, log, clock = systemClock }: TlsWatchOptions): Promise<WatchedTls> {
    const files = partFiles(paths, flags);
    const watched = await WatchedFiles.open({
      files,
      what: paths.cert === undefined ? `the list of authorities of ${flags.ca}` : `the certificate of ${flags.cert}`,
      read: (contents) => tlsMaterial(files, contents, clock.wallTime()),
      clock,
      log,
    });
    return new WatchedTls(watched, expiryOf(files, watched, { clock, log }));
  }

  get context(): SecureContext {
    return this.#files.value.context;
  }

  get hasCertificate(): boolean {
    return this.#files.value.certificate !== undefined;
  }

  onChanged(listener: () => void): () => void {
    return this.#files.onChanged(listener);
  }

  close(): void {
    this.#files.close();
    this.#expiry?.close();
  }
}

function expiryOf(
  files: readonly PartFile[],
  watched: WatchedFiles<TlsMaterial>,
  options: { readonly clock: Clock; readonly log: Log },
): ExpiryWatch | undefined {
  const { certificate } = watched.value;
  const file = files.find(({ part }) => part === "cert");
  if (!certificate || !file) return undefined;
  return new ExpiryWatch({ ...options, file, certificate: () => watched.value.certificate ?? certificate });
}
