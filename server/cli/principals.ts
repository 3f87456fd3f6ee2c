import { stat } from "node:fs/promises";
import { type Clock, systemClock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import { Secrets } from "../../wire/secrets.js";
import { FollowedFiles } from "../access/followedFiles.js";
import type { Log } from "../log.js";
import { type Authentication, basicAuthentication, fixedAuthentication } from "../mesos/link/authentication.js";
import { FrameworkPrincipals, type PrincipalRules } from "../mesos/link/frameworkPrincipals.js";
import { MAX_PRINCIPALS_BYTES, type ParsedPrincipals, parsePrincipals, type SecretSource } from "./principalsFile.js";

const FLAG = "--framework-principals";
const OTHERS_MAY_READ = 0o004;

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
  #files: FollowedFiles | undefined;
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
    const files = await FollowedFiles.open([this.#path], MAX_PRINCIPALS_BYTES, this.#clock).catch((error: unknown) => {
      throw new Error(`${FLAG}: ${errorText(error)}`);
    });
    const [first] = files.files;
    this.#book = new FrameworkPrincipals(await this.#rulesOf(first?.bytes, first?.mode), this.#own, this.#log);
    this.#files = files;
    files.follow({
      changed: ([file]) => {
        this.#taking = this.#taking.then(() => this.#take(file?.bytes, file?.mode));
      },
      unreadable: (error) => this.#keep(`${FLAG}: ${errorText(error)}`),
    });
  }

  close(): void {
    this.#files?.close();
  }

  async #take(bytes: Buffer | undefined, mode: number | undefined): Promise<void> {
    try {
      this.#book?.replace(await this.#rulesOf(bytes, mode));
      this.#log.info({ file: this.#path }, "the principals of frameworks have changed");
    } catch (error) {
      this.#keep(errorText(error));
    }
  }

  #keep(reason: string): void {
    this.#log.warn({ reason }, "the principals of frameworks can't be read again: the former ones stay");
  }

  /** All that the file names is good, or nothing of it is taken. */
  async #rulesOf(bytes: Buffer | undefined, mode = 0): Promise<PrincipalRules> {
    const parsed = this.#parsed(bytes?.toString("utf8") ?? "");
    const credentials = new Map<string, Credential>();
    for (const [principal, source] of parsed.secrets) credentials.set(principal, this.#credential(principal, source));
    for (const [principal, { authentication }] of credentials) {
      await authentication.header().catch((error: unknown) => {
        throw new Error(`${FLAG}: the secret of '${principal}': ${errorText(error)}`);
      });
    }
    await this.#warnOfReaders(parsed, mode);
    this.#credentials = credentials;
    const entries = [...credentials].map(([principal, { authentication }]) => [principal, authentication] as const);
    return { rules: parsed.rules, credentials: new Map(entries) };
  }

  #parsed(content: string): ParsedPrincipals {
    try {
      return parsePrincipals(content, this.#path);
    } catch (error) {
      throw new Error(`${FLAG}: ${this.#path}: ${errorText(error)}`);
    }
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

  async #warnOfReaders({ secrets }: ParsedPrincipals, mode: number): Promise<void> {
    const open: string[] = [];
    const sources = [...secrets.values()];
    if (sources.some((source) => "secret" in source) && (mode & OTHERS_MAY_READ) !== 0) open.push(this.#path);
    for (const source of sources) {
      if ("file" in source && ((await stat(source.file)).mode & OTHERS_MAY_READ) !== 0) open.push(source.file);
    }
    if (open.length === 0) return;
    this.#log.warn({ files: open }, `${FLAG}: every user of this machine can read these secrets: run chmod o-r`);
  }
}
