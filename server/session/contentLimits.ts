import { invalidField, limitReached } from "./errors.js";
import type { ContentBytes } from "./frameworkStore.js";

const MIB = 1024 * 1024;
/** Cookies and state of a framework, and of all frameworks. They are kept in memory too. */
export const MAX_CONTENT_BYTES: ContentBytes = { framework: 64 * MIB, all: 512 * MIB };
/** Values that one launch replaces or deletes, with their keys: they may have to be written back, as one write. */
const MAX_REPLACED_BYTES = 512 * 1024;
/** Keys of the state of a framework. */
export const MAX_STATE_KEYS = 10_000;

/**
 * @param kept what there is already
 * @param bytes how much more there is to be
 * @throws BridgeError LIMIT_REACHED
 */
export function checkRoom(kept: ContentBytes, bytes: number): void {
  if (bytes <= 0) return;
  if (kept.framework + bytes > MAX_CONTENT_BYTES.framework) throw tooMany("the framework", "framework", kept);
  if (kept.all + bytes > MAX_CONTENT_BYTES.all) throw tooMany("all frameworks of the bridge", "all", kept);
}

export function checkReplaced(bytes: number): void {
  if (bytes <= MAX_REPLACED_BYTES) return;
  const what = `must replace and delete values of at most 512 KiB in one launch, with their keys, and these have ${bytes} bytes`;
  throw invalidField("state", `${what}: change the others with PutState and DeleteState`);
}

/** @param kept keys that there are, or may be again  @param more how many more there are to be */
export function checkKeyCount(kept: number, more: number): void {
  if (more <= 0 || kept + more <= MAX_STATE_KEYS) return;
  const what = `nothing was changed, because a framework's state has at most ${MAX_STATE_KEYS} keys`;
  throw limitReached(what, MAX_STATE_KEYS, "delete some of them first");
}

function tooMany(of: string, which: keyof ContentBytes, kept: ContentBytes): Error {
  const limit = MAX_CONTENT_BYTES[which];
  const what = `nothing was sent or changed, because the cookies and the state of ${of} may have ${limit / MIB} MiB, and have ${kept[which]} bytes`;
  return limitReached(what, limit, "use less, acknowledge the end of tasks, or delete keys first");
}
