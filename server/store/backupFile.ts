import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { link, open, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errorText } from "../../wire/errorText.js";
import { holdsFrameworks, makeDataDir } from "./dataDir.js";
import { DataDirOwner } from "./dataDirOwner.js";
import { readEntries } from "./entryReader.js";
import { logPath } from "./fileNames.js";
import { KeptFrameworks } from "./keptFrameworks.js";
import { LogFile, syncDirectory } from "./logFile.js";
import { encodeHead, HEAD_BYTES, readLog } from "./logFormat.js";

/*
 * A backup is two lines and a log file.
 *
 *   mesos-bridge backup VERSION SHA-256      of all bytes after this line, in hexadecimal
 *   {"createdAt":...,"bridge":...,...}       what it is, for people and programs
 *   a log file, as logFormat.ts has it, without anything that is out of date
 *
 * Later versions keep the first three words, so that older bridges can tell a newer file from a damaged one.
 */
const MAGIC = "mesos-bridge backup";
const VERSION = 1;
const FIRST_LINE = /^mesos-bridge backup (\d{1,9})(?: ([0-9a-f]{64}))?(?: |$)/;
const MAX_LINE_BYTES = 4_096;

/** What a backup says of itself. */
export interface BackupNote {
  /** When it was made, in ISO 8601. */
  readonly createdAt: string;
  /** The version of the bridge that made it. */
  readonly bridge: string;
  readonly frameworks: number;
  readonly tasks: number;
  /** Of state; left out by a bridge that kept none. */
  readonly keys?: number;
}

export interface Backup {
  readonly note: BackupNote;
  readonly kept: KeptFrameworks;
}

/**
 * Writes all that is kept to a new file, for its owner alone. The file has its name only when all of it is on the disk.
 *
 * @throws Error if that can't be done; then there is no file
 */
export async function writeBackup(path: string, kept: KeptFrameworks, made: Pick<BackupNote, "createdAt" | "bridge">) {
  if (existsSync(path)) throw existsAlready(path);
  const note: BackupNote = { ...made, ...kept.size };
  const body = Buffer.concat([Buffer.from(`${JSON.stringify(note)}\n`), logOf(kept)]);
  const first = `${MAGIC} ${VERSION} ${sha256(body)}\n`;
  const folder = dirname(resolve(path));
  const scratch = join(folder, `.${basename(path)}.${randomBytes(4).toString("hex")}.new`);
  try {
    const file = await open(scratch, "wx", 0o600);
    try {
      await file.writeFile(first);
      await file.writeFile(body);
      await file.sync();
    } finally {
      await file.close();
    }
    // Unlike a new name, a link never takes the place of another file.
    await link(scratch, path);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === "EEXIST" ? existsAlready(path) : error;
  } finally {
    await rm(scratch, { force: true });
  }
  await syncDirectory(folder);
  return note;
}

function existsAlready(path: string): Error {
  return new Error(`${path} exists already: choose another name, or remove it first`);
}

function logOf(kept: KeptFrameworks): Buffer {
  const salt = randomBytes(4).readUInt32LE();
  const frames = Array.from(kept.pieces(), (piece) => piece.frame(salt));
  const end = frames.reduce((bytes, { length }) => bytes + length, HEAD_BYTES);
  return Buffer.concat([encodeHead({ salt, base: end, synced: end }), ...frames]);
}

/** Reads a backup. @throws Error with one line that says what is wrong with it and what to do */
export function readBackup(path: string): Backup {
  const bytes = readFileSync(path);
  const [first, body] = splitLine(bytes);
  const [, version, checksum] = FIRST_LINE.exec(first) ?? [];
  if (version === undefined)
    throw new Error(`${path} is not a backup of a bridge: use a file of 'mesos-bridge backup'`);
  if (Number(version) > VERSION) {
    throw new Error(`${path} has version ${version} of the format: a newer bridge wrote it. Restore it with that one`);
  }
  if (sha256(body) !== checksum) {
    throw new Error(`${path} is damaged: its checksum is not that of its content. Use another backup`);
  }
  const [line, log] = splitLine(body);
  const kept = new KeptFrameworks();
  try {
    readLog(log, path, (payload) => readEntries(payload, kept));
  } catch (error) {
    throw new Error(`${path} can't be read, perhaps because a newer bridge wrote it: ${errorText(error)}`);
  }
  return { note: JSON.parse(line) as BackupNote, kept };
}

/** The first line, and what follows it. */
function splitLine(bytes: Buffer): [string, Buffer] {
  const end = bytes.subarray(0, MAX_LINE_BYTES).indexOf("\n");
  return end < 0 ? ["", bytes] : [bytes.toString("utf8", 0, end), bytes.subarray(end + 1)];
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** What a new file system has, and no bridge made. */
const NOT_OURS = new Set(["lost+found"]);

/**
 * Makes a data directory of what is kept. A bridge that starts on it meanwhile is refused.
 *
 * @throws Error with one line if the directory is not empty, or can't be written; then it holds no frameworks
 */
export async function fillDataDir(dataDir: string, kept: KeptFrameworks): Promise<void> {
  makeDataDir(dataDir);
  const others = readdirSync(dataDir).filter((name) => !NOT_OURS.has(name));
  if (others.length > 0) throw notEmpty(dataDir);
  const owner = await DataDirOwner.acquire(dataDir, "restore");
  try {
    if (holdsFrameworks(dataDir)) throw notEmpty(dataDir);
    const file = await LogFile.create(logPath(dataDir, owner.number));
    try {
      for (const piece of kept.pieces()) await file.add(piece);
      await file.publish();
    } catch (error) {
      await file.discard();
      throw error;
    }
    await file.close();
  } finally {
    await owner.release();
  }
}

function notEmpty(dataDir: string): Error {
  return new Error(`${dataDir} is not empty: name an empty or new directory, and give that to serve --data-dir`);
}
