import type { Cookies } from "../session/cookies.js";
import { invalidField } from "../session/errors.js";
import type { StateChange } from "../session/schedulerState.js";
import type { RequestFields } from "./requestFields.js";
import { MAX_VALUE_BYTES, readStateChanges } from "./stateFields.js";

/** What is committed with a launch is one write, which a store may have to hold as a whole. */
const MAX_LAUNCH_BYTES = MAX_VALUE_BYTES;

/** As many as have room, with ids of a few bytes. Empty ones in a request of some megabytes are millions. */
const MAX_COOKIES = 100_000;

/** Where a request that launches has what is committed with it. */
export interface LaunchContentFields {
  readonly cookies: number;
  readonly state: number;
}

/** What a client wants to be remembered with its launch. */
export interface LaunchContent {
  readonly cookies: Cookies | undefined;
  readonly state: readonly StateChange[] | undefined;
}

/** Undefined if there is nothing to remember. @throws BridgeError INVALID_FIELD, WireError */
export function readLaunchContent(request: RequestFields, fields: LaunchContentFields): LaunchContent | undefined {
  const cookies = request.size(fields.cookies);
  const state = request.size(fields.state);
  const hasCookies = cookies.count > 0;
  const hasState = state.count > 0;
  if (!hasCookies && !hasState) return undefined;
  const bytes = cookies.size + state.size;
  if (bytes > MAX_LAUNCH_BYTES) throw tooLarge(hasState, bytes);
  if (cookies.count > MAX_COOKIES) {
    throw invalidField("cookies", `must be at most ${MAX_COOKIES}, and are ${cookies.count}`);
  }
  return {
    cookies: hasCookies ? request.map(fields.cookies) : undefined,
    state: hasState ? readStateChanges(request, fields.state) : undefined,
  };
}

function tooLarge(hasState: boolean, bytes: number): Error {
  if (!hasState) {
    const text = `must have at most 512 KiB in all, with the ids of the tasks, and have ${bytes} bytes`;
    return invalidField("cookies", text);
  }
  return invalidField("state", `must have at most 512 KiB in all, together with cookies, and has ${bytes} bytes`);
}
