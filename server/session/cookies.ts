import { type BridgeError, invalidField, limitReached } from "./errors.js";
import type { CookieBytes } from "./frameworkStore.js";

/** What a client gives with its launch: bytes of its own, by the id of a task. */
export type Cookies = ReadonlyMap<string, Uint8Array>;

const MIB = 1024 * 1024;
/** Of all tasks of a framework that are not forgotten, and of all frameworks. They are kept in memory too. */
export const MAX_COOKIE_BYTES: CookieBytes = { framework: 64 * MIB, all: 512 * MIB };

/** Characters of a task id that are told. */
const MAX_TOLD = 255;

/**
 * @param launched ids of the tasks that the launch is about
 * @param kept the cookies that there are already
 * @throws BridgeError INVALID_FIELD, LIMIT_REACHED
 */
export function checkCookies(cookies: Cookies, launched: Iterable<string>, kept: CookieBytes): void {
  const known = new Set(launched);
  let bytes = 0;
  for (const [taskId, cookie] of cookies) {
    if (!known.has(taskId)) {
      throw invalidField(`cookies["${taskId.slice(0, MAX_TOLD)}"]`, "must belong to a task that this call launches");
    }
    bytes += cookie.length;
  }
  if (kept.framework + bytes > MAX_COOKIE_BYTES.framework) throw tooMany("the framework's tasks", "framework", kept);
  if (kept.all + bytes > MAX_COOKIE_BYTES.all) throw tooMany("all tasks of the bridge", "all", kept);
}

function tooMany(of: string, which: keyof CookieBytes, kept: CookieBytes): BridgeError {
  const limit = MAX_COOKIE_BYTES[which];
  const what = `nothing was launched, because the cookies of ${of} may have ${limit / MIB} MiB, and have ${kept[which]} bytes`;
  return limitReached(what, limit, "launch with smaller cookies, or acknowledge the end of other tasks first");
}
