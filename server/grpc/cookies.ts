import type { Cookies } from "../session/cookies.js";
import { invalidField } from "../session/errors.js";
import type { RequestFields } from "./requestFields.js";

/** Of one launch: what is committed with it is one write, which a store may have to hold as a whole. */
const MAX_LAUNCH_BYTES = 512 * 1024;

/** The cookies of a launch; undefined if it has none. @param field of the map  @throws BridgeError INVALID_FIELD, WireError */
export function readCookies(request: RequestFields, field: number): Cookies | undefined {
  if (!request.has(field)) return undefined;
  const bytes = request.totalBytes(field);
  if (bytes > MAX_LAUNCH_BYTES) {
    throw invalidField(
      "cookies",
      `must have at most 512 KiB in all, with the ids of the tasks, and have ${bytes} bytes`,
    );
  }
  return request.map(field);
}
