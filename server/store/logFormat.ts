import { dirname } from "node:path";
import { errorText } from "../../wire/errorText.js";
import { crc32 } from "./crc32.js";

/*
 * A log file is a head and frames, little-endian.
 *
 *   head   8 bytes "mbridge\n", version u32, salt u32, base u64, CRC-32 of these; synced u64, CRC-32 of that
 *   frame  salt u32, length u32, CRC-32 of length and payload, payload
 *
 * What lies before `base` was on the disk before the file got its name. `synced` is written in place after each commit,
 * and not waited for: a crash may leave an older value, never one that is too large. A write that a crash cut short
 * lies behind it, so what is broken before `synced`, or before another whole frame, is damage.
 * The salt is of the file's own: other data is not taken for a frame.
 */
const MAGIC = Buffer.from("mbridge\n");
const VERSION = 1;
/** What of the head never changes once the file has its name. */
export const FIXED_BYTES = 24;
export const SYNCED_AT = FIXED_BYTES + 4;
export const HEAD_BYTES = SYNCED_AT + 12;
export const FRAME_HEAD_BYTES = 12;

/** A file of the data directory is not as it was written. */
export class DamagedFileError extends Error {
  override readonly name = "DamagedFileError";

  constructor(path: string, problem: string) {
    super(
      `${path} is damaged: ${problem}. Put a copy of ${dirname(path)} back; or move the file away, and tell the bridge of ` +
        "each framework that Mesos has by 'mesos-bridge frameworks import'",
    );
  }
}

export interface LogHead {
  readonly salt: number;
  /** Where the part ends that was written before the file got its name. */
  readonly base: number;
  readonly synced: number;
}

export interface LogContent {
  /** Where the last whole frame ends. */
  readonly end: number;
  /** Bytes behind it, of a write that did not come to its end. */
  readonly torn: number;
  /** False if the note of what has been synced can't be read. Then a cut at the file's end may go unnoticed. */
  readonly headWhole: boolean;
}

export function encodeHead({ salt, base, synced }: LogHead): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  MAGIC.copy(head);
  head.writeUInt32LE(VERSION, 8);
  head.writeUInt32LE(salt, 12);
  head.writeBigUInt64LE(BigInt(base), 16);
  head.writeUInt32LE(crc32(head, 0, FIXED_BYTES), FIXED_BYTES);
  encodeSynced(synced).copy(head, SYNCED_AT);
  return head;
}

/** What stands at SYNCED_AT. */
export function encodeSynced(synced: number): Buffer {
  const note = Buffer.alloc(12);
  note.writeBigUInt64LE(BigInt(synced));
  note.writeUInt32LE(crc32(note, 0, 8), 8);
  return note;
}

/** Fills the first FRAME_HEAD_BYTES of a frame, whose payload stands behind them. */
export function sealFrame(frame: Buffer, salt: number): void {
  frame.writeUInt32LE(salt, 0);
  frame.writeUInt32LE(frame.length - FRAME_HEAD_BYTES, 4);
  frame.writeUInt32LE(frameChecksum(frame, 0, frame.length), 8);
}

/**
 * Gives the payload of each whole frame to `take`, in order, as a view of `bytes`.
 *
 * @throws DamagedFileError that names the place
 */
export function readLog(bytes: Buffer, path: string, take: (payload: Buffer) => void): LogContent {
  const { salt, synced, headWhole } = readHead(bytes, path);
  let at = HEAD_BYTES;
  for (let end = frameEnd(bytes, at, salt); end !== undefined; end = frameEnd(bytes, at, salt)) {
    try {
      take(bytes.subarray(at + FRAME_HEAD_BYTES, end));
    } catch (error) {
      throw new DamagedFileError(path, `what stands at byte ${at} can't be read: ${errorText(error)}`);
    }
    at = end;
  }
  if (at < synced && at === bytes.length) {
    throw new DamagedFileError(path, `it ends at byte ${at}, and ${synced} were written`);
  }
  if (at < synced || hasFrameAfter(bytes, at, salt)) {
    throw new DamagedFileError(path, `what stands at byte ${at} is not what was written there`);
  }
  return { end: at, torn: bytes.length - at, headWhole };
}

function readHead(bytes: Buffer, path: string): LogHead & { headWhole: boolean } {
  if (bytes.length < HEAD_BYTES) throw new DamagedFileError(path, `it has only ${bytes.length} bytes`);
  if (bytes.readUInt32LE(FIXED_BYTES) !== crc32(bytes, 0, FIXED_BYTES) || !bytes.subarray(0, 8).equals(MAGIC)) {
    throw new DamagedFileError(path, "its head, at byte 0, is not what was written there");
  }
  const version = bytes.readUInt32LE(8);
  if (version !== VERSION) throw new Error(`${path} has version ${version}: a newer bridge wrote it. Use that one`);
  const base = Number(bytes.readBigUInt64LE(16));
  const headWhole = bytes.readUInt32LE(SYNCED_AT + 8) === crc32(bytes, SYNCED_AT, SYNCED_AT + 8);
  const noted = headWhole ? Number(bytes.readBigUInt64LE(SYNCED_AT)) : 0;
  return { salt: bytes.readUInt32LE(12), base, synced: Math.max(base, noted), headWhole };
}

/** Where the frame at `at` ends, or undefined if no whole one stands there. */
function frameEnd(bytes: Buffer, at: number, salt: number): number | undefined {
  if (bytes.length - at < FRAME_HEAD_BYTES || bytes.readUInt32LE(at) !== salt) return undefined;
  const end = at + FRAME_HEAD_BYTES + bytes.readUInt32LE(at + 4);
  if (end > bytes.length || bytes.readUInt32LE(at + 8) !== frameChecksum(bytes, at, end)) return undefined;
  return end;
}

function frameChecksum(bytes: Buffer, at: number, end: number): number {
  const length = crc32(bytes, at + 4, at + 8);
  return (crc32(bytes, at + FRAME_HEAD_BYTES, end) ^ length) >>> 0;
}

function hasFrameAfter(bytes: Buffer, broken: number, salt: number): boolean {
  const sign = Buffer.alloc(4);
  sign.writeUInt32LE(salt);
  for (let at = bytes.indexOf(sign, broken + 1); at >= 0; at = bytes.indexOf(sign, at + 1)) {
    if (frameEnd(bytes, at, salt) !== undefined) return true;
  }
  return false;
}
