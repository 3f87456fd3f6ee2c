/**
 * What Mesos 1.11.0 refuses beyond its descriptors, and little more: a call that Mesos would take is refused only where
 * Mesos would do something else with it than what was checked.
 * Each rule says in its comment what Mesos does otherwise; `docs/validation.md` has the table, and a
 * contract test feeds the same examples to a real master. "Mesos:" is Mesos's own behaviour.
 */
import { Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { frameworkRules } from "./frameworkRules.js";
import { emptyProblem, idProblem, roleProblem, userProblem, uuidProblem } from "./names.js";
import { operationRules } from "./operationRules.js";
import { quantityProblem } from "./quantities.js";
import { reportDuplicates } from "./repeated.js";
import { resourceRules } from "./resourceRules.js";
import type { MessageRule, RuleSet } from "./rule.js";

const CALL = "mesos.v1.scheduler.Call";

/** The field that a call of a type must have. Mesos: `Expecting 'accept' to be present`. */
const NEEDED_FIELDS: ReadonlyMap<Call_Type, string> = new Map([
  [Call_Type.ACCEPT, "accept"],
  [Call_Type.DECLINE, "decline"],
  [Call_Type.KILL, "kill"],
  [Call_Type.SHUTDOWN, "shutdown"],
  [Call_Type.ACKNOWLEDGE, "acknowledge"],
  [Call_Type.RECONCILE, "reconcile"],
  [Call_Type.MESSAGE, "message"],
  [Call_Type.REQUEST, "request"],
  [Call_Type.ACCEPT_INVERSE_OFFERS, "accept_inverse_offers"],
  [Call_Type.DECLINE_INVERSE_OFFERS, "decline_inverse_offers"],
  [Call_Type.ACKNOWLEDGE_OPERATION_STATUS, "acknowledge_operation_status"],
  [Call_Type.RECONCILE_OPERATIONS, "reconcile_operations"],
  [Call_Type.UPDATE_FRAMEWORK, "update_framework"],
]);
const { UNKNOWN, SUBSCRIBE } = Call_Type;

/**
 * The call has what its type asks for. UNKNOWN, said explicitly, is refused because it brings a 1.11.0 master down
 * (`Check failed: call_types.contains(callType)`); SUBSCRIBE, because the bridge holds the subscription.
 */
const callHasItsMessage: MessageRule = {
  type: CALL,
  check: (slot) => {
    const type = slot("type");
    const needs = new Map<number, { slot: number; text: string }>();
    for (const [number, field] of NEEDED_FIELDS) {
      needs.set(number, { slot: slot(field), text: `is required in a call of type ${Call_Type[number]}` });
    }
    return (call) => {
      const number = call.enumNumber(type);
      if (number === undefined) return;
      if (number === UNKNOWN) call.report(type, "must name a call, not UNKNOWN");
      if (number === SUBSCRIBE) call.report(type, "must not be SUBSCRIBE: attach with SchedulerService.Subscribe");
      const need = needs.get(number);
      if (need !== undefined && !call.has(need.slot)) call.report(need.slot, need.text);
    };
  },
};

/** Mesos: tasks and operations on no offer, or on one named twice, are all refused (TASK_DROPPED, OPERATION_ERROR). */
const acceptNamesOffersOnce: MessageRule = {
  type: `${CALL}.Accept`,
  check: (slot) => {
    const offerIds = slot("offer_ids");
    const operations = slot("operations");
    return (accept) => {
      if (accept.count(operations) === 0) return;
      if (accept.count(offerIds) === 0)
        accept.report(offerIds, "must have at least one element: operations need offers");
      reportDuplicates(accept, offerIds);
    };
  },
};

export const mesosRules: RuleSet = {
  contexts: [...frameworkRules.contexts, ...operationRules.contexts, ...resourceRules.contexts],
  fields: [
    ...frameworkRules.fields,
    ...operationRules.fields,
    ...resourceRules.fields,
    // Mesos: 400 `Expecting 'type' to be present`, also for a number that it does not know.
    { field: `${CALL}.type`, required: true },
    // Mesos: 400 `Not a valid UUID`.
    { field: `${CALL}.Acknowledge.uuid`, bytes: uuidProblem },
    { field: `${CALL}.AcknowledgeOperationStatus.uuid`, bytes: uuidProblem },
    // Mesos: 400 `Expecting 'agent_id' to be present`, although the descriptors call it optional.
    { field: `${CALL}.AcknowledgeOperationStatus.agent_id`, required: true },
    // Mesos: 202, and the whole call is dropped silently.
    { field: `${CALL}.Revive.roles`, bytes: roleProblem },
    { field: `${CALL}.Suppress.roles`, bytes: roleProblem },
    // Mesos takes it, and cuts it at a NUL. Of tasks, executors, checks and health checks alike.
    { field: "mesos.v1.CommandInfo.user", bytes: userProblem },
    { field: "mesos.v1.TaskID.value", within: "id", bytes: idProblem },
    { field: "mesos.v1.ExecutorID.value", within: "id", bytes: idProblem },
    { field: "mesos.v1.AgentID.value", within: "existing", bytes: emptyProblem },
    { field: "mesos.v1.Value.Scalar.value", within: "quantity", number: quantityProblem },
    { field: "mesos.v1.Value.Scalar.value", within: "amount", number: quantityProblem, summed: true },
  ],
  messages: [
    callHasItsMessage,
    acceptNamesOffersOnce,
    ...frameworkRules.messages,
    ...operationRules.messages,
    ...resourceRules.messages,
  ],
};
