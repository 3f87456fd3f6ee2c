import type { Caller } from "../access/callers.js";
import { type CallMessage, CallType } from "../mesos/messages/calls.js";
import { BridgeError } from "../session/errors.js";
import type { Session } from "../session/session.js";
import type { SessionManager } from "../session/sessionManager.js";

/**
 * Lets a call of a caller through to its session, by what it names and by the caller's number of calls. Acknowledgements
 * are never limited: updates would add up in Mesos. @throws BridgeError PERMISSION_DENIED, IDENTITY_LIMIT, WireError
 */
export function admitCall(caller: Caller, sessions: SessionManager, session: Session, call: CallMessage): void {
  if (!caller.rights.restricted) return;
  if (call.type !== CallType.ACKNOWLEDGE && call.type !== CallType.ACKNOWLEDGE_OPERATION_STATUS) caller.countCall();
  const { frameworkName } = session;
  const { frameworkInfo } = session.state.record;
  caller.expectUses({ frameworkName, frameworkInfo, principal: sessions.principalOf(frameworkName) }, call);
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
