import type { BridgeError, FieldViolation } from "../session/errors.js";

/** What of an error goes to a client. */
export interface BoundedError {
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly violations: readonly FieldViolation[];
}

/** Clients take 8 KiB of trailers by default; beyond that the whole error is lost, or its connection. */
const MAX_TRAILER_BYTES = 7_000;
/** What the message may take in `grpc-message`, where it is percent-encoded. */
const MAX_MESSAGE_BYTES = 2_000;
/** Names and frames around an error's texts. */
const FRAME_BYTES = 300;
const VIOLATION_FRAME_BYTES = 8;

/** Cuts an error so that it fits into trailers: it may hold what a client or Mesos wrote. */
export function boundedError(error: BridgeError): BoundedError {
  const message = cut(error.message, MAX_MESSAGE_BYTES, percentEncodedSize);
  const left = MAX_TRAILER_BYTES - sizeOf(message, percentEncodedSize) - FRAME_BYTES;
  // The details, and the message once more, are in base64.
  let room = Math.floor((left * 3) / 4) - Buffer.byteLength(message);
  const metadata: Record<string, string> = {};
  for (const [key, value] of Object.entries(error.metadata)) {
    room -= Buffer.byteLength(key) + VIOLATION_FRAME_BYTES;
    const text = cut(value, room, byteSize);
    metadata[key] = text;
    room -= Buffer.byteLength(text);
  }
  return { message, metadata, violations: firstViolations(error.violations, room) };
}

function firstViolations(violations: readonly FieldViolation[], bytes: number): FieldViolation[] {
  const told: FieldViolation[] = [];
  let room = bytes;
  for (const violation of violations) {
    // The first is told in any case, however long it is.
    const each = told.length === 0 ? shortened(violation, room) : violation;
    room -= Buffer.byteLength(each.field) + Buffer.byteLength(each.description) + VIOLATION_FRAME_BYTES;
    if (room < 0) break;
    told.push(each);
  }
  return told;
}

function shortened({ field, description }: FieldViolation, room: number): FieldViolation {
  const half = Math.floor(room / 2) - VIOLATION_FRAME_BYTES;
  return { field: cut(field, half, byteSize), description: cut(description, half, byteSize) };
}

const ELLIPSIS = "...";

/** The beginning of a text of at most that size. */
function cut(text: string, max: number, size: (char: string) => number): string {
  let used = 0;
  let end = 0;
  let fits = 0;
  for (const char of text) {
    used += size(char);
    if (used > max) return text.slice(0, fits) + (max >= ELLIPSIS.length ? ELLIPSIS : "");
    end += char.length;
    if (used <= max - ELLIPSIS.length) fits = end;
  }
  return text;
}

function sizeOf(text: string, size: (char: string) => number): number {
  let sum = 0;
  for (const char of text) sum += size(char);
  return sum;
}

function percentEncodedSize(char: string): number {
  return /^[\w.,:;!*'()@&=+$/?#~-]$/.test(char) ? 1 : 3 * Buffer.byteLength(char);
}

function byteSize(char: string): number {
  return Buffer.byteLength(char);
}
