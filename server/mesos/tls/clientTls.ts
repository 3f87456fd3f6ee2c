import type { SecureContext } from "node:tls";
import { type Clock, type Planned, systemClock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import type { Log } from "../../log.js";
import {
  expiry,
  hasExpired,
  readTlsFiles,
  type TlsFiles,
  type TlsFlags,
  type TlsMaterial,
  type TlsTexts,
  tlsMaterial,
} from "./tlsFiles.js";

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

const LOOK_MS = 500;
/** A file that was written so recently may be written again without a change to its size or time. */
const SETTLED_AFTER_MS = 2_000;

export interface TlsWatchOptions {
  readonly files: TlsFiles;
  readonly flags: TlsFlags;
  readonly log: Log;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * TLS by files that may be replaced while the bridge runs. It looks at them twice a second. New connections use new
 * files once all of them together are good; until then they use the last good ones.
 */
export class WatchedTls implements ClientTls {
  readonly #options: TlsWatchOptions;
  readonly #clock: Clock;
  readonly #listeners = new Set<() => void>();
  readonly #timer: Planned;
  #texts: TlsTexts;
  #material: TlsMaterial;
  /** Of the files that `#material` is of; empty if they have to be read again in any case. */
  #stamp = "";
  #looking = false;
  /** What was wrong at the last look, and whether that was logged: files are not all replaced at the same moment. */
  #problem = { text: "", logged: false };
  #saidExpired = false;

  private constructor(options: TlsWatchOptions, clock: Clock, texts: TlsTexts, material: TlsMaterial) {
    this.#options = options;
    this.#clock = clock;
    this.#texts = texts;
    this.#material = material;
    this.#took(texts);
    this.#timer = clock.every(LOOK_MS, () => this.look());
  }

  /** Reads the files. @throws Error with one line that names the option, the file and the cure */
  static async open(options: TlsWatchOptions): Promise<WatchedTls> {
    const { files, flags, clock = systemClock } = options;
    const texts = await readTlsFiles(files, flags, "");
    if (!texts) throw new Error("no file of TLS is named");
    return new WatchedTls(options, clock, texts, tlsMaterial(texts, files, flags, clock.wallTime()));
  }

  get context(): SecureContext {
    return this.#material.context;
  }

  get hasCertificate(): boolean {
    return this.#material.certificate !== undefined;
  }

  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#timer.cancel();
    this.#listeners.clear();
  }

  /** Looks at the files now. Nothing happens while another look is under way. */
  look(): void {
    if (this.#looking) return;
    this.#looking = true;
    this.#look()
      .then(
        () => this.#checkExpiry(),
        (error: unknown) => this.#failed(errorText(error)),
      )
      .finally(() => {
        this.#looking = false;
      });
  }

  async #look(): Promise<void> {
    const { files, flags, log } = this.#options;
    const texts = await readTlsFiles(files, flags, this.#stamp);
    if (!texts) return;
    this.#stamp = "";
    const before = this.#texts;
    const same = texts.ca === before.ca && texts.cert === before.cert && texts.key === before.key;
    if (!same) this.#material = tlsMaterial(texts, files, flags, this.#clock.wallTime());
    this.#texts = texts;
    this.#problem = { text: "", logged: false };
    this.#took(texts);
    if (same) return;
    this.#saidExpired = false;
    log.info({ files: Object.values(files).filter(Boolean) }, "TLS files have changed: new connections use them");
    for (const listener of [...this.#listeners]) listener();
  }

  #took({ stamp, writtenMs, exposed }: TlsTexts): void {
    const { files, flags, log } = this.#options;
    const first = this.#stamp === "";
    if (this.#clock.wallTime() - writtenMs >= SETTLED_AFTER_MS) this.#stamp = stamp;
    if (!exposed || !first) return;
    log.warn({ file: files.key }, `${flags.key}: every user of this machine can read the key: run chmod o-r`);
  }

  #failed(text: string): void {
    this.#stamp = "";
    const again = text === this.#problem.text;
    if (again && !this.#problem.logged) {
      this.#options.log.warn({ reason: text }, "TLS files can't be used: new connections use the former ones");
    }
    this.#problem = { text, logged: again };
  }

  #checkExpiry(): void {
    const { certificate } = this.#material;
    if (this.#saidExpired || !certificate || !hasExpired(certificate, this.#clock.wallTime())) return;
    this.#saidExpired = true;
    const { files, flags, log } = this.#options;
    const reason = `${flags.cert}: ${files.cert} ${expiry(certificate)}: replace it and its key`;
    log.warn({ reason }, "the bridge's client certificate has expired");
  }
}
