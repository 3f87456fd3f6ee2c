import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endExecutors } from "./agent/recovery.js";

/** In each folder that a cluster made in its work directory. What lacks it is somebody else's and stays. */
const MARKER = ".made-by-mesos-bridge-local";
const MARKER_TEXT = "'mesos-bridge local' made this folder, and removes it when it starts here without --keep.\n";
/** Holds the lock, and folders on their way in and out. */
const OWN = ".mesos-bridge-local";
const MASTER = "master";
const AGENT = /^agent-\d+$/;
/** How often the lock's socket is looked after. */
const LOCK_CHECK_MS = 1000;

/** Keeps other processes out of a folder until `release`, or until this process ends. */
export interface FolderLock {
  /** Makes up for what others may have removed of the lock. It is called each second. */
  keepListening(): Promise<void>;
  release(): Promise<void>;
}

/** Locks a folder. It rejects with one line for a person when another process holds it. */
export type LockFolder = (folder: string) => Promise<FolderLock>;

export interface WorkDirectoryOptions {
  readonly path: string;
  /** How many agents will have a folder. */
  readonly agents: number;
  /** Whether what an earlier run left is gone on with. Otherwise it is removed. */
  readonly keep: boolean;
  readonly lock: LockFolder;
}

/**
 * Where one cluster keeps its files. It is locked until `release`, or until the process ends, however it ends. The
 * cluster removes nothing but folders that a cluster made.
 */
export class WorkDirectory {
  readonly #path: string;
  readonly #lock: FolderLock;
  readonly #lockCheck: NodeJS.Timeout;

  private constructor(path: string, lock: FolderLock) {
    this.#path = path;
    this.#lock = lock;
    // Without its socket the owner would be taken for dead. The next check tries again.
    const check = () => {
      lock.keepListening().catch(() => {});
    };
    this.#lockCheck = setInterval(check, LOCK_CHECK_MS).unref();
  }

  /** @throws Error in one line: another cluster runs here, a folder's name is taken, or the system's error */
  static async open({ path, agents, keep, lock }: WorkDirectoryOptions): Promise<WorkDirectory> {
    mkdirSync(join(path, OWN), { recursive: true });
    const directory = new WorkDirectory(path, await lock(join(path, OWN)));
    try {
      const wanted = Array.from({ length: agents }, (_, index) => `agent-${index + 1}`);
      if (keep) wanted.push(MASTER);
      directory.#prepare(wanted, keep);
    } catch (error) {
      await directory.release();
      throw error;
    }
    return directory;
  }

  get master(): string {
    return join(this.#path, MASTER);
  }

  /** The folder of an agent, counted from 0. */
  agent(index: number): string {
    return join(this.#path, `agent-${index + 1}`);
  }

  async release(): Promise<void> {
    clearInterval(this.#lockCheck);
    await this.#lock.release();
  }

  #prepare(wanted: readonly string[], keep: boolean): void {
    // Before anything is removed.
    for (const name of wanted) refuseForeign(join(this.#path, name));
    rmSync(this.#own("removed"), { recursive: true, force: true });
    if (!keep) this.#clear();
    for (const name of wanted) if (!existsSync(join(this.#path, name))) this.#make(name);
  }

  #clear(): void {
    const isOurs = (name: string) => (name === MASTER || AGENT.test(name)) && isMarked(join(this.#path, name));
    const names = readdirSync(this.#path).filter(isOurs);
    for (const name of names) endExecutors(join(this.#path, name));
    mkdirSync(this.#own("removed"), { recursive: true });
    // A removal that is cut short must not leave half a folder that nobody knows the maker of.
    for (const name of names) renameSync(join(this.#path, name), join(this.#own("removed"), name));
    rmSync(this.#own("removed"), { recursive: true, force: true });
  }

  /** The folder gets its name only once it is marked. */
  #make(name: string): void {
    mkdirSync(this.#own("new"), { recursive: true });
    writeFileSync(join(this.#own("new"), MARKER), MARKER_TEXT);
    renameSync(this.#own("new"), join(this.#path, name));
  }

  #own(name: string): string {
    return join(this.#path, OWN, name);
  }
}

function refuseForeign(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined || isMarked(path)) return;
  throw new Error(`'mesos-bridge local' did not make ${path}: move it away, or use another directory`);
}

/** A folder itself, not a link to one. */
function isMarked(path: string): boolean {
  return lstatSync(path).isDirectory() && lstatSync(join(path, MARKER), { throwIfNoEntry: false })?.isFile() === true;
}
