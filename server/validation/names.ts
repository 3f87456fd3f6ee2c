import { isUuidVersion, UUID_BYTES, uuidVersion } from "../../wire/uuid.js";
import { hasNul, NUL_IN_TEXT } from "./text.js";

/**
 * Mesos's rules for names, on raw bytes. All give undefined where the name is fine.
 */

const NUL = 0;
const SLASH = 0x2f;
const BACKSLASH = 0x5c;
const DOT = 0x2e;
const DASH = 0x2d;
const STAR = 0x2a;
const SPACE = 0x20;
const DELETE = 0x7f;
const TAB = 0x09;
const CARRIAGE_RETURN = 0x0d;
const MAX_ID_BYTES = 255;

/** Whether the bytes are one or two dots. */
function isDots(buffer: Uint8Array, start: number, end: number): boolean {
  if (buffer[start] !== DOT) return false;
  return end - start === 1 || (end - start === 2 && buffer[start + 1] === DOT);
}

/**
 * Mesos: the id of a task, an executor, a framework or a persistent volume has 1 to 255 bytes, is not "." or "..",
 * and holds no control character, slash or backslash, because it becomes the name of a directory.
 */
export function idProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  if (end === start) return "must not be empty";
  if (end - start > MAX_ID_BYTES) return `must not be longer than ${MAX_ID_BYTES} bytes; it has ${end - start}`;
  if (isDots(buffer, start, end)) return 'must not be "." or ".."';
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number;
    if (byte < SPACE || byte === DELETE || byte === SLASH || byte === BACKSLASH) {
      return "must not contain control characters, slashes or backslashes";
    }
  }
  return undefined;
}

/**
 * A user goes to C functions, which read up to the first NUL: "root\0x" is root. No user of a system has a control
 * character in its name, so none is taken.
 */
export function userProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at < end; at++) {
    const byte = buffer[at] as number;
    if (byte < SPACE || byte === DELETE) return "must not contain control characters: no user has them";
  }
  return undefined;
}

/** Mesos: as `idProblem`, but a framework id may be empty, which asks for a new framework. */
export function frameworkIdProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  return end === start ? undefined : idProblem(buffer, start, end);
}

/**
 * Mesos: a role is "*" or a path of components joined by single slashes, without a slash at either end. A component is
 * not ".", ".." or "*", does not start with a dash, and holds no whitespace and no DEL.
 */
export function roleProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  if (end === start) return "must not be empty";
  if (end - start === 1 && buffer[start] === STAR) return undefined;
  let component = start;
  for (let at = start; at <= end; at++) {
    const byte = at === end ? SLASH : (buffer[at] as number);
    if (byte === SLASH) {
      const problem = componentProblem(buffer, component, at);
      if (problem !== undefined) return problem;
      component = at + 1;
    } else if (byte === NUL) {
      return NUL_IN_TEXT;
    } else if (byte === SPACE || byte === DELETE || (byte >= TAB && byte <= CARRIAGE_RETURN)) {
      return "must not contain whitespace or DEL";
    }
  }
  return undefined;
}

function componentProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  if (end === start) return "must not start or end with a slash, nor have two in a row";
  if (isDots(buffer, start, end)) return 'must not have "." or ".." as a component';
  if (buffer[start] === DASH) return "must not have a component that starts with a dash";
  if (end - start === 1 && buffer[start] === STAR) return 'must not have "*" as a component, unless it is all of it';
  return undefined;
}

/**
 * Mesos: a uuid is 16 raw bytes with a version of RFC 4122, 1 to 5, in the upper half of byte 6. The text form, hex
 * and base64 are not uuids, nor are 16 random bytes without a version, nor the later versions 6 to 8.
 */
export function uuidProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  if (end - start !== UUID_BYTES) {
    return `must be the ${UUID_BYTES} raw bytes of a UUID, as they came in the update; it has ${end - start} bytes`;
  }
  const version = uuidVersion(buffer, start);
  if (isUuidVersion(version)) return undefined;
  return `is not a UUID that Mesos knows: its version is ${version}, and must be from 1 to 5`;
}

/** Whatever Mesos looks up by this string, it never finds it under an empty one. */
export function emptyProblem(buffer: Uint8Array, start: number, end: number): string | undefined {
  if (end === start) return "must not be empty";
  return hasNul(buffer, start, end) ? NUL_IN_TEXT : undefined;
}
