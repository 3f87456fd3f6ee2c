import type { CallOutcome } from "../mesos/link/callOutcome.js";
import { isUntaken } from "./answers.js";
import type { OpenOffers, UsedOffers } from "./openOffers.js";
import { observeOpened, type SessionState } from "./sessionState.js";

/** @param putBack told if offers are open again that nobody may be there to use. True if Mesos surely has not taken the call */
export function settleOffers(
  state: SessionState,
  offers: OpenOffers,
  used: UsedOffers,
  outcome: CallOutcome,
  putBack: () => void,
): boolean {
  if (!isUntaken(outcome)) {
    used.spent();
    return false;
  }
  const back = used.putBack();
  if (offers === state.offers) observeOpened(state, back);
  putBack();
  return true;
}
