import type { X509Certificate } from "node:crypto";
import type { Clock, Planned } from "../../wire/clock.js";
import type { Log } from "../log.js";
import { hasExpired } from "./pem.js";
import type { OptionFile } from "./watchedFiles.js";

const LOOK_MS = 1_000;

export interface ExpiryWatchOptions {
  readonly file: OptionFile;
  /** The one that is in use at the moment. */
  readonly certificate: () => X509Certificate;
  readonly clock: Clock;
  readonly log: Log;
}

/** Says once of each certificate in use that it has expired. */
export class ExpiryWatch {
  readonly #options: ExpiryWatchOptions;
  readonly #timer: Planned;
  #told: X509Certificate | undefined;

  constructor(options: ExpiryWatchOptions) {
    this.#options = options;
    this.#timer = options.clock.every(LOOK_MS, () => this.#look());
  }

  close(): void {
    this.#timer.cancel();
  }

  #look(): void {
    const { file, certificate, clock, log } = this.#options;
    const now = certificate();
    if (now === this.#told || !hasExpired(now, clock.wallTime())) return;
    this.#told = now;
    const { option, path } = file;
    log.warn({ option, path }, `the certificate in ${path} has expired on ${now.validTo}: replace it and its key`);
  }
}
