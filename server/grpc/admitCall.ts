import type { Caller } from "../access/callers.js";
import { type CallMessage, CallType, readCall } from "../mesos/messages/calls.js";
import { BridgeError } from "../session/errors.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";

const NOTHING = new Uint8Array(0);

/** Lets a call of a caller through to its session, by what it names. @throws BridgeError PERMISSION_DENIED, WireError */
export function admitCall(caller: Caller, sessions: SessionManager, session: Session, call: CallMessage): void {
  if (!caller.rights.restricted) return;
  const { frameworkName } = session;
  const { record, offers } = session.state;
  const { frameworkInfo } = record;
  const framework = { frameworkName, frameworkInfo, principal: sessions.principalOf(frameworkName) };
  caller.expectUses(framework, call, (offerId) => offers.get(offerId)?.bytes);
}

/**
 * Whether a serialized call is an acknowledgement. These are never limited: updates would add up in Mesos. One that
 * can't be read is none.
 */
export function acknowledges(call: Uint8Array | undefined): boolean {
  try {
    const { type } = readCall(call ?? NOTHING);
    return type === CallType.ACKNOWLEDGE || type === CallType.ACKNOWLEDGE_OPERATION_STATUS;
  } catch {
    return false;
  }
}

/** What refuses the work, if something does. @throws what is not a BridgeError */
export function refusalOf(work: () => void): BridgeError | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
}
