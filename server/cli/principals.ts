import { stat } from "node:fs/promises";
import { type Clock, systemClock, type Timer } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { Secrets } from "../../wire/secrets.js";
import { WatchedFiles } from "../files/watchedFiles.js";
import type { Log } from "../log.js";
import { type Authentication, basicAuthentication, fixedAuthentication } from "../mesos/link/authentication.js";
import { FrameworkPrincipals, type PrincipalRules } from "../mesos/link/frameworkPrincipals.js";
import { type ParsedPrincipals, parsePrincipals, type SecretSource } from "./principalsFile.js";

const FLAG = "--framework-principals";
const OTHERS_MAY_READ = 0o004;
const AGAIN_AFTER_MS = 500;

/** The principals of frameworks, if they have any of their own, and what is open for that. */
export interface OpenPrincipals {
  readonly book: FrameworkPrincipals | undefined;
  close(): void;
}

/** Reads the file and follows it. @throws Error with one line that names the option, the file and the cure */
export async function openPrincipals(
  path: string | undefined,
  own: Authentication,
  log: Log,
  clock: Clock = systemClock,
): Promise<OpenPrincipals> {
  if (path === undefined) return { book: undefined, close: () => {} };
  const file = new PrincipalsFile(path, own, log, clock);
  await file.open();
  return file;
}

interface Credential {
  /** What it was made of. */
  readonly source: string;
  readonly authentication: Authentication;
}

class PrincipalsFile implements OpenPrincipals {
  readonly #path: string;
  readonly #own: Authentication;
  readonly #log: Log;
  readonly #clock: Clock;
  #credentials: ReadonlyMap<string, Credential> = new Map();
  #book: FrameworkPrincipals | undefined;
  #file: WatchedFiles<ParsedPrincipals> | undefined;
  /** The next attempt to use rules of which a secret could not be read. */
  #again: Timer | undefined;
  /** Why the last attempt failed. */
  #failure = "";
  #closed = false;
  /** Ends with the change that is being taken. Changes follow each other. */
  #taking: Promise<void> = Promise.resolve();

  constructor(path: string, own: Authentication, log: Log, clock: Clock) {
    this.#path = path;
    this.#own = own;
    this.#log = log;
    this.#clock = clock;
  }

  get book(): FrameworkPrincipals | undefined {
    return this.#book;
  }

  async open(): Promise<void> {
    const file = await WatchedFiles.open({
      files: [{ option: FLAG, path: this.#path }],
      what: `the file of ${FLAG}`,
      read: ([content]) => this.#parsed(content?.toString("utf8") ?? ""),
      clock: this.#clock,
      log: this.#log,
    });
    this.#file = file;
    try {
      this.#book = new FrameworkPrincipals(await this.#rulesOf(file.value), this.#own, this.#log);
    } catch (error) {
      file.close();
      throw error;
    }
    file.onChanged(() => this.#takeNext());
  }

  close(): void {
    this.#closed = true;
    this.#again?.cancel();
    this.#file?.close();
  }

  #takeNext(): void {
    this.#again?.cancel();
    this.#taking = this.#taking.then(() => this.#take());
  }

  /** Takes what the file holds now. A secret that can't be read may be written a moment later than the rules. */
  async #take(): Promise<void> {
    if (this.#closed || !this.#file) return;
    try {
      this.#book?.replace(await this.#rulesOf(this.#file.value));
      this.#failure = "";
    } catch (error) {
      this.#failed(errorText(error));
    }
  }

  #failed(reason: string): void {
    if (this.#closed) return;
    if (reason !== this.#failure) {
      this.#log.warn({ reason }, `the rules of ${FLAG} can't be used yet: the former ones stay in use`);
    }
    this.#failure = reason;
    this.#again = this.#clock.after(AGAIN_AFTER_MS, () => this.#takeNext());
  }

  #parsed(content: string): ParsedPrincipals {
    try {
      return parsePrincipals(content, this.#path);
    } catch (error) {
      throw new Error(`${FLAG}: ${this.#path}: ${errorText(error)}`);
    }
  }

  /** All secrets that the rules name can be read, or none of the rules is taken. */
  async #rulesOf(parsed: ParsedPrincipals): Promise<PrincipalRules> {
    const credentials = new Map<string, Credential>();
    for (const [principal, source] of parsed.secrets) credentials.set(principal, this.#credential(principal, source));
    for (const [principal, { authentication }] of credentials) {
      await authentication.header().catch((error: unknown) => {
        throw new Error(`${FLAG}: the secret of '${principal}': ${errorText(error)}`);
      });
    }
    await this.#warnOfReaders(parsed);
    this.#credentials = credentials;
    const entries = [...credentials].map(([principal, { authentication }]) => [principal, authentication] as const);
    return { rules: parsed.rules, credentials: new Map(entries) };
  }

  /** What has not changed stays the same object. What was known of a principal's secrets is not told later either. */
  #credential(principal: string, from: SecretSource): Credential {
    const source = JSON.stringify(from);
    const known = this.#credentials.get(principal);
    if (known?.source === source) return known;
    const shared = this.#own.principal === principal ? this.#own.secrets : new Secrets();
    const secrets = known?.authentication.secrets ?? shared;
    const authentication =
      "file" in from
        ? basicAuthentication(principal, from.file, this.#clock, secrets)
        : fixedAuthentication(principal, from.secret, secrets);
    return { source, authentication };
  }

  async #warnOfReaders({ secrets }: ParsedPrincipals): Promise<void> {
    const paths = new Set([...secrets.values()].map((source) => ("file" in source ? source.file : this.#path)));
    const open: string[] = [];
    for (const path of paths) if (((await stat(path)).mode & OTHERS_MAY_READ) !== 0) open.push(path);
    if (open.length === 0) return;
    this.#log.warn({ files: open }, `${FLAG}: every user of this machine can read these secrets: run chmod o-r`);
  }
}
