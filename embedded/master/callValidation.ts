import { type Call, Call_Type } from "../../gen/mesos/v1/scheduler/scheduler.js";
import { isUuid } from "../../wire/uuid.js";

type Part = keyof Call;

/** The part of the call that a type needs, as property and as Mesos names it. */
const PARTS: ReadonlyMap<Call_Type, readonly [Part, string]> = new Map([
  [Call_Type.ACCEPT, ["accept", "accept"]],
  [Call_Type.DECLINE, ["decline", "decline"]],
  [Call_Type.ACCEPT_INVERSE_OFFERS, ["acceptInverseOffers", "accept_inverse_offers"]],
  [Call_Type.DECLINE_INVERSE_OFFERS, ["declineInverseOffers", "decline_inverse_offers"]],
  [Call_Type.KILL, ["kill", "kill"]],
  [Call_Type.SHUTDOWN, ["shutdown", "shutdown"]],
  [Call_Type.ACKNOWLEDGE, ["acknowledge", "acknowledge"]],
  [Call_Type.ACKNOWLEDGE_OPERATION_STATUS, ["acknowledgeOperationStatus", "acknowledge_operation_status"]],
  [Call_Type.RECONCILE, ["reconcile", "reconcile"]],
  [Call_Type.RECONCILE_OPERATIONS, ["reconcileOperations", "reconcile_operations"]],
  [Call_Type.MESSAGE, ["message", "message"]],
  [Call_Type.REQUEST, ["request", "request"]],
  [Call_Type.UPDATE_FRAMEWORK, ["updateFramework", "update_framework"]],
] satisfies Array<[Call_Type, readonly [Part, string]]>);

/** What is wrong with a call by itself, in Mesos's words, or undefined. `principal`: of the authenticated caller. */
export function invalidCall(call: Call, principal: string | undefined): string | undefined {
  if (call.type === undefined) return "Expecting 'type' to be present";
  if (call.type === Call_Type.SUBSCRIBE) return invalidSubscribe(call, principal);
  if (call.frameworkId === undefined) return "Expecting 'framework_id' to be present";
  const part = PARTS.get(call.type);
  if (part && call[part[0]] === undefined) return `Expecting '${part[1]}' to be present`;
  return invalidPart(call);
}

function invalidPart(call: Call): string | undefined {
  switch (call.type) {
    case Call_Type.ACKNOWLEDGE:
      return isUuid(call.acknowledge?.uuid) ? undefined : "Not a valid UUID";
    case Call_Type.ACKNOWLEDGE_OPERATION_STATUS:
      if (!isUuid(call.acknowledgeOperationStatus?.uuid)) return "Not a valid UUID";
      return call.acknowledgeOperationStatus?.agentId ? undefined : "Expecting 'agent_id' to be present";
    case Call_Type.UPDATE_FRAMEWORK:
      if (call.updateFramework?.frameworkInfo?.id?.value === call.frameworkId?.value) return undefined;
      return "'framework_id' differs from 'update_framework.framework_info.id'";
    default:
      return undefined;
  }
}

function invalidSubscribe(call: Call, principal: string | undefined): string | undefined {
  if (call.subscribe === undefined) return "Expecting 'subscribe' to be present";
  const info = call.subscribe.frameworkInfo;
  // An empty id is none.
  if ((info?.id?.value ?? "") !== (call.frameworkId?.value ?? ""))
    return "'framework_id' differs from 'subscribe.framework_info.id'";
  return principalMismatch(principal, info?.principal);
}

export function principalMismatch(authenticated: string | undefined, stated: string | undefined): string | undefined {
  if (authenticated === undefined || stated === undefined || authenticated === stated) return undefined;
  return `Authenticated principal '${authenticated}' does not match principal '${stated}' set in \`FrameworkInfo\``;
}
