import type { Call_AcceptInverseOffers, Call_DeclineInverseOffers } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import type { Framework } from "./entities.js";
import type { MasterState } from "./state.js";

export function acceptInverseOffers(
  _state: MasterState,
  _framework: Framework,
  _call: Call_AcceptInverseOffers | undefined,
): void {}
export function declineInverseOffers(
  _state: MasterState,
  _framework: Framework,
  _call: Call_DeclineInverseOffers | undefined,
): void {}
