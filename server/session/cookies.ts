import { invalidField } from "./errors.js";

/** What a client gives with its launch: bytes of its own, by the id of a task. */
export type Cookies = ReadonlyMap<string, Uint8Array>;

/** Characters of a task id that are told. */
const MAX_TOLD = 255;

/**
 * Returns how many bytes they have.
 *
 * @param launched ids of the tasks that the launch is about
 * @throws BridgeError INVALID_FIELD
 */
export function cookieBytes(cookies: Cookies, launched: Iterable<string>): number {
  const known = new Set(launched);
  let bytes = 0;
  for (const [taskId, cookie] of cookies) {
    if (!known.has(taskId)) {
      throw invalidField(`cookies["${taskId.slice(0, MAX_TOLD)}"]`, "must belong to a task that this call launches");
    }
    bytes += cookie.length;
  }
  return bytes;
}
