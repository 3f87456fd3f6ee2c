import { OfferFields, Resource_AllocationInfoFields } from "../../../gen/mesos/v1/mesos.fields.js";
import { Call_AcceptFields } from "../../../gen/mesos/v1/scheduler/scheduler.fields.js";
import { hasValue, lastValue, messageIn } from "../../../wire/fields.js";
import { utf8 } from "../../../wire/proto.js";
import { type CallMessage, CallType, readIds } from "../../mesos/messages/calls.js";
import { rolesOf } from "../../mesos/messages/frameworkInfo.js";
import { frameworkUserOf, type NameVisitor, visitCall, visitFramework } from "../../mesos/messages/namesUsed.js";
import { useNotAllowed } from "./refusals.js";
import type { Rights, Scope } from "./rights.js";

/** A framework as the bridge subscribes it. */
export interface UsedFramework {
  readonly frameworkName: string;
  /** Serialized. */
  readonly frameworkInfo: Uint8Array;
  /** The principal with which the bridge authenticates for it: every FrameworkInfo may name that one. */
  readonly principal: string | undefined;
}

/** Gives the serialized offer of an id, if it is open. Mesos takes no others. */
export type FindOffer = (offerId: string) => Uint8Array | undefined;

/**
 * Checks the roles and users that a call uses, and what it makes of the framework. Of calls that name none, and where all
 * are allowed, nothing is read. @throws BridgeError PERMISSION_DENIED, WireError
 */
export function checkCallUses(rights: Rights, framework: UsedFramework, call: CallMessage, findOffer: FindOffer): void {
  const { call: scope } = rights.on(framework.frameworkName);
  if (scope.roles.any && scope.users.any && call.type !== CallType.UPDATE_FRAMEWORK) return;
  const checks = new Checks(rights.name, framework, scope);
  visitCall(call, checks);
  if (call.type === CallType.ACCEPT && !scope.roles.any) {
    visitOfferRoles(call.payload, framework.frameworkInfo, findOffer, checks);
  }
}

/** Resources that name no role have that of the offers, so that their roles are used, whatever the operations name. */
function visitOfferRoles(accept: Uint8Array, frameworkInfo: Uint8Array, findOffer: FindOffer, checks: Checks): void {
  // A decline uses nothing.
  if (!hasValue(accept, Call_AcceptFields.operations)) return;
  for (const id of readIds(accept, Call_AcceptFields.offerIds)) {
    const offer = findOffer(id);
    if (offer) for (const role of offerRoles(offer, frameworkInfo)) checks.role(role);
  }
}

/** The role that an offer is for. Mesos tells only frameworks with MULTI_ROLE; others have but one. */
function offerRoles(offer: Uint8Array, frameworkInfo: Uint8Array): readonly string[] {
  const allocation = messageIn(offer, OfferFields.allocationInfo);
  const role = allocation && lastValue(allocation, Resource_AllocationInfoFields.role);
  return role ? [utf8(role)] : rolesOf(frameworkInfo);
}

/** Checks the user, the roles and the principal of a framework that is subscribed. @throws BridgeError PERMISSION_DENIED */
export function checkFrameworkUses(rights: Rights, framework: UsedFramework, suppressedRoles: readonly string[]): void {
  const checks = new Checks(rights.name, framework, rights.on(framework.frameworkName).attach);
  visitFramework(framework.frameworkInfo, checks);
  for (const role of suppressedRoles) checks.role(role);
}

class Checks implements NameVisitor {
  readonly #caller: string;
  readonly #framework: UsedFramework;
  readonly #scope: Scope;
  #frameworkUserChecked = false;

  constructor(caller: string, framework: UsedFramework, scope: Scope) {
    this.#caller = caller;
    this.#framework = framework;
    this.#scope = scope;
  }

  role(role: string): void {
    if (!this.#scope.roles.matches(role)) throw this.#refusal("role", role);
  }

  user(user: string): void {
    if (!this.#scope.users.matches(user)) throw this.#refusal("user", user);
  }

  frameworkUser(): void {
    if (this.#frameworkUserChecked) return;
    this.user(frameworkUserOf(this.#framework.frameworkInfo));
    this.#frameworkUserChecked = true;
  }

  principal(principal: string): void {
    if (principal === this.#framework.principal || this.#scope.principals.matches(principal)) return;
    throw this.#refusal("principal", principal);
  }

  #refusal(used: "role" | "user" | "principal", name: string) {
    return useNotAllowed(this.#caller, used, name, this.#framework.frameworkName);
  }
}
