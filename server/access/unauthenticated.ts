import { BridgeError } from "../session/errors.js";

/** @param why what is wrong and what to do; nothing that helps to guess credentials */
export function unauthenticated(why: string): BridgeError {
  return new BridgeError("UNAUTHENTICATED", why);
}
