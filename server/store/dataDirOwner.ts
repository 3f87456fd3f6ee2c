import { randomUUID } from "node:crypto";
import { readlinkSync, rmSync, symlinkSync, unlinkSync } from "node:fs";
import { readlink } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, delay, systemClock } from "../../wire/clock.js";
import { logNumbers, numbered } from "./fileNames.js";
import { OwnerSocket, socketState } from "./ownerSocket.js";

/** Somebody else writes to the data directory. */
export class DataDirInUseError extends Error {
  override readonly name = "DataDirInUseError";
}

/** Who may want a data directory, as others are told. */
const KINDS = {
  bridge: "a bridge",
  forget: "'mesos-bridge frameworks forget'",
  import: "'mesos-bridge frameworks import'",
  local: "'mesos-bridge local'",
  restore: "'mesos-bridge restore'",
} as const;
export type OwnerKind = keyof typeof KINDS;

const CLAIM = /^owner-(\d{1,15})$/;
const MAX_ATTEMPTS = 10;
/** An owner whose socket was removed makes it anew within a second, if it runs. */
const SOCKET_GRACE_MS = 3_000;
const SOCKET_POLL_MS = 100;

/**
 * Makes one process the only one that writes to a data directory, until `release`.
 *
 * A claim is a symbolic link `owner-N` that says who made it and on which socket it listens: it is made whole or not
 * at all, by one process only, and needs no room on the disk. Whether an owner lives is asked of its socket, which the kernel
 * closes with the process: unlike a process id, that is true across containers, and after a crash nothing has to be
 * cleaned up by hand. A process that takes over makes the claim N+1, removes claim N, and only then reads what was written.
 * An owner whose claim is gone must not report a write as done. So nothing that was reported is lost, even if a living
 * owner was considered dead, and it notices at its next write.
 */
export class DataDirOwner {
  /** Grows with each owner, and is that of the log that the owner writes. */
  readonly number: number;
  readonly #dataDir: string;
  readonly #claim: string;
  readonly #socket: OwnerSocket;

  private constructor(dataDir: string, number: number, claim: string, socket: OwnerSocket) {
    this.#dataDir = dataDir;
    this.number = number;
    this.#claim = claim;
    this.#socket = socket;
  }

  /** @throws DataDirInUseError with one line for a person if another process holds the directory */
  static async acquire(dataDir: string, kind: OwnerKind, clock: Clock = systemClock): Promise<DataDirOwner> {
    const socket = await OwnerSocket.listen(dataDir, randomUUID().slice(0, 8));
    const claim = `${kind}:${process.pid}:${clock.wallTime()}:${socket.name}`;
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const number = await claimNext(dataDir, claim, clock);
        if (number !== undefined) return new DataDirOwner(dataDir, number, claim, socket);
      }
      throw new DataDirInUseError(`${dataDir} changes hands too often: try again`);
    } catch (error) {
      await socket.close();
      throw error;
    }
  }

  /** Is this process still the owner? A write may be told of as done only if it is so afterwards. */
  async isHeld(): Promise<boolean> {
    try {
      return (await readlink(claimPath(this.#dataDir, this.number))) === this.#claim;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  /** True if another process holds or held the directory since, or put its files there. */
  isSucceeded(): boolean {
    return claims(this.#dataDir).length > 0 || logNumbers(this.#dataDir).some((number) => number !== this.number);
  }

  /** Listens again if somebody has removed the socket. */
  keepListening(): Promise<void> {
    return this.#socket.keep();
  }

  async release(): Promise<void> {
    try {
      removeClaim(this.#dataDir, this.number, this.#claim);
    } catch {
      // Where nothing can be removed any more, the claim of a process that has ended is in nobody's way.
    }
    await this.#socket.close();
  }
}

/**
 * Asks whether another process writes to a directory that exists. It changes nothing there.
 *
 * @throws DataDirInUseError with one line for a person if one does
 */
export async function refuseIfOwned(dataDir: string, clock: Clock = systemClock): Promise<void> {
  await Promise.all(claims(dataDir).map((number) => refuseIfAlive(dataDir, number, clock)));
}

/** The number of the new claim; undefined if another one came between, so that it has to be tried again. */
async function claimNext(dataDir: string, claim: string, clock: Clock): Promise<number | undefined> {
  const dead = claims(dataDir);
  await Promise.all(dead.map((number) => refuseIfAlive(dataDir, number, clock)));
  const number = Math.max(dead.at(-1) ?? 0, logNumbers(dataDir).at(-1) ?? 0) + 1;
  try {
    symlinkSync(claim, claimPath(dataDir, number));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
  // Since the directory was read an owner may have come, who may live, or come and gone: then this number is not the highest.
  const others = claims(dataDir).filter((each) => each !== number);
  const isNews = others.some((each) => !dead.includes(each));
  if (isNews || (logNumbers(dataDir).at(-1) ?? 0) >= number) {
    removeClaim(dataDir, number, claim);
    return undefined;
  }
  // Ascending: an owner must not see its claim while a later one that it never saw is gone again.
  for (const each of dead) removeDead(dataDir, each);
  return number;
}

function claims(dataDir: string): number[] {
  return numbered(dataDir, CLAIM);
}

function claimPath(dataDir: string, number: number): string {
  return join(dataDir, `owner-${number}`);
}

async function refuseIfAlive(dataDir: string, number: number, clock: Clock): Promise<void> {
  const deadline = clock.now() + SOCKET_GRACE_MS;
  for (;;) {
    const claim = readClaim(dataDir, number);
    if (claim === undefined) return;
    const state = await socketState(dataDir, claim.socket);
    if (state === "dead") return;
    if (state === "alive") throw new DataDirInUseError(inUse(dataDir, claim));
    if (clock.now() > deadline) return;
    await delay(clock, SOCKET_POLL_MS);
  }
}

interface Claim {
  readonly who: string;
  readonly pid: string;
  readonly sinceMs: number;
  readonly socket: string;
}

function readClaim(dataDir: string, number: number): Claim | undefined {
  try {
    const [kind = "", pid = "", sinceMs = "", ...socket] = readlinkSync(claimPath(dataDir, number)).split(":");
    const who = kind in KINDS ? KINDS[kind as OwnerKind] : "another process";
    return { who, pid, sinceMs: Number(sinceMs) || 0, socket: socket.join(":") };
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function removeDead(dataDir: string, number: number): void {
  const claim = readClaim(dataDir, number);
  rmSync(claimPath(dataDir, number), { force: true });
  if (claim?.socket.startsWith("owner-")) rmSync(join(dataDir, claim.socket), { force: true });
}

function removeClaim(dataDir: string, number: number, claim: string): void {
  const path = claimPath(dataDir, number);
  try {
    if (readlinkSync(path) === claim) unlinkSync(path);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

function inUse(dataDir: string, { who, pid, sinceMs }: Claim): string {
  const since = new Date(sinceMs).toISOString();
  return `${dataDir} is in use by ${who} (process ${pid}, since ${since}): stop it first, or use another directory`;
}

/** Nothing is there, or something that is not a symbolic link. */
function isGone(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR", "EINVAL"].includes((error as NodeJS.ErrnoException).code ?? "");
}
