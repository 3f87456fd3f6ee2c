import type { Clock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import { WatchedFiles } from "../../files/watchedFiles.js";
import type { Log } from "../../log.js";
import type { Identity } from "../identity.js";
import { parsePermissions } from "./permissionsFile.js";
import { type Rights, Ruleset, UNRESTRICTED } from "./rights.js";

/** Who may do what, as of now. */
export interface Permissions {
  rightsOf(identity: Identity): Rights;
  /** Calls back when rights may have changed. Returns what ends that. */
  onChanged(listener: () => void): () => void;
}

/** While authentication is off. */
export const noPermissions: Permissions = { rightsOf: () => UNRESTRICTED, onChanged: () => () => {} };

/** What came of reading the file again. */
export type Reload = { readonly rules: number } | { readonly problem: string };

export interface PermissionsFileOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** The file has changed, and was read again. */
  readonly reloaded?: (reload: Reload) => void;
}

const OPTION = "--permissions";

/** The permissions of a file, which is read again when it changes. While it is broken, the rules that it had before are in force. */
export class PermissionsFile implements Permissions {
  readonly #files: WatchedFiles<Ruleset>;
  readonly #listeners = new Set<() => void>();

  private constructor(files: WatchedFiles<Ruleset>) {
    this.#files = files;
    files.onChanged(() => {
      for (const listener of [...this.#listeners]) listener();
    });
  }

  /** Reads the file. @throws Error with one line that names the option, the file, the place and the cure */
  static async open(path: string, { clock, log, reloaded }: PermissionsFileOptions): Promise<PermissionsFile> {
    const reader = new Reader(path, reloaded);
    const files = await WatchedFiles.open({
      files: [{ option: OPTION, path, secret: true }],
      what: "the permissions file",
      read: ([content]) => reader.read(content ?? Buffer.alloc(0)),
      clock,
      log,
    });
    return new PermissionsFile(files);
  }

  rightsOf(identity: Identity): Rights {
    return this.#files.value.of(identity);
  }

  onChanged(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#files.close();
  }
}

/** Reads the file's content, the first time and whenever it has changed or is broken. */
class Reader {
  readonly #path: string;
  readonly #reloaded: (reload: Reload) => void;
  #read = false;
  #problem = "";

  constructor(path: string, reloaded: (reload: Reload) => void = () => {}) {
    this.#path = path;
    this.#reloaded = reloaded;
  }

  read(content: Buffer): Ruleset {
    try {
      const rules = parsePermissions(content.toString("utf8"));
      if (this.#read) this.#reloaded({ rules: rules.length });
      this.#read = true;
      this.#problem = "";
      return new Ruleset(rules);
    } catch (error) {
      this.#broken(errorText(error));
      throw new Error(`${OPTION}: ${this.#path}: ${errorText(error)}`);
    }
  }

  /** Once for each problem: a broken file is tried again and again. */
  #broken(problem: string): void {
    if (this.#read && problem !== this.#problem) this.#reloaded({ problem });
    this.#problem = problem;
  }
}
