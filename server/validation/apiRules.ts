/**
 * Mesos's rules where the bridge's own messages stand for Mesos's calls. What belongs to the bridge alone
 * (header, lease, tokens, what a method needs) is checked by the method itself.
 */
import { roleProblem } from "./names.js";
import { launchesTasksOnce } from "./operationRules.js";
import { reportDuplicates } from "./repeated.js";
import { amountsAddUp } from "./resourceRules.js";
import type { MessageRule, RuleSet } from "./rule.js";

const API = "mesosbridge.v1";

/** Mesos: `Duplicate offer … in offer list` refuses every task. */
const launchNamesOffersOnce: MessageRule = {
  type: `${API}.LaunchTasksRequest`,
  check: (slot) => {
    const offerIds = slot("offer_ids");
    return (request) => reportDuplicates(request, offerIds);
  },
};

/** The same for operations. Without any the call is a decline, for which Mesos takes an offer named twice. */
const acceptNamesOffersOnce: MessageRule = {
  type: `${API}.AcceptOffersRequest`,
  check: (slot) => {
    const offerIds = slot("offer_ids");
    const operations = slot("operations");
    return (request) => {
      if (request.count(operations) > 0) reportDuplicates(request, offerIds);
    };
  },
};

export const apiRules: RuleSet = {
  contexts: [
    { field: `${API}.LaunchTasksRequest.tasks`, gives: "launch" },
    { field: `${API}.SubscribeRequest.framework_info`, gives: "attach" },
  ],
  fields: [
    // The bridge fills it in.
    { field: "mesos.v1.FrameworkInfo.name", within: "attach", required: false },
    { field: `${API}.ReviveOffersRequest.roles`, bytes: roleProblem },
    { field: `${API}.SuppressOffersRequest.roles`, bytes: roleProblem },
  ],
  messages: [
    launchNamesOffersOnce,
    acceptNamesOffersOnce,
    launchesTasksOnce(`${API}.LaunchTasksRequest`, "tasks"),
    amountsAddUp(`${API}.LaunchTasksRequest`, "tasks"),
  ],
};
