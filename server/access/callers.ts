import type { Clock } from "../../wire/clock.js";
import type { CallMessage } from "../mesos/messages/calls.js";
import { type Identity, nameOf } from "./identity.js";
import type { Permissions } from "./permissions/permissions.js";
import { notAllowed, nothingAllowed, serviceNotAllowed } from "./permissions/refusals.js";
import type { FrameworkRights, Rights } from "./permissions/rights.js";
import type { Service, Verb } from "./permissions/rule.js";
import { checkCallUses, checkFrameworkUses, type UsedFramework } from "./permissions/uses.js";
import { Usage } from "./usage.js";

/** Identities whose use of the bridge is known; of those beyond, the ones without a stream are forgotten. */
const MAX_CALLERS = 10_000;

/** One identity, as it calls: what it may do at this moment, and what it takes of the bridge. */
export class Caller {
  /** For logs, errors and the audit log. */
  readonly name: string;
  readonly usage: Usage;
  readonly #identity: Identity;
  readonly #permissions: Permissions;

  constructor(identity: Identity, permissions: Permissions, clock: Clock) {
    this.name = nameOf(identity);
    this.usage = new Usage(this.name, clock);
    this.#identity = identity;
    this.#permissions = permissions;
  }

  get rights(): Rights {
    return this.#permissions.rightsOf(this.#identity);
  }

  /** @throws BridgeError PERMISSION_DENIED */
  expect(verb: Verb, frameworkName: string): FrameworkRights {
    const rights = this.rights.on(frameworkName);
    if (!rights.may(verb)) throw notAllowed(this.name, verb, frameworkName);
    return rights;
  }

  /** Expects that there is something with which it may do that. @throws BridgeError PERMISSION_DENIED */
  expectAnywhere(verb: Verb): void {
    if (!this.rights.mayAnywhere(verb)) throw nothingAllowed(this.name, verb);
  }

  /** @throws BridgeError PERMISSION_DENIED */
  expectService(service: Service): void {
    if (!this.rights.mayUse(service)) throw serviceNotAllowed(this.name, service);
  }

  /** Expects that it may use what a call names. @throws BridgeError PERMISSION_DENIED, WireError */
  expectUses(framework: UsedFramework, call: CallMessage): void {
    const { rights } = this;
    if (rights.restricted) checkCallUses(rights, framework, call);
  }

  /** Expects that it may have such a framework subscribed. @throws BridgeError PERMISSION_DENIED, WireError */
  expectFramework(framework: UsedFramework, suppressedRoles: readonly string[]): void {
    const { rights } = this;
    if (rights.restricted) checkFrameworkUses(rights, framework, suppressedRoles);
  }

  /** Counts a call that is not an acknowledgement. @throws BridgeError IDENTITY_LIMIT */
  countCall(): void {
    this.usage.call(this.rights.limits);
  }
}

/** The callers by their identities: one identity is one caller, on however many connections. */
export class Callers {
  readonly #permissions: Permissions;
  readonly #clock: Clock;
  readonly #known = new WeakMap<Identity, Caller>();
  readonly #byNames = new Map<string, Caller>();

  constructor(permissions: Permissions, clock: Clock) {
    this.#permissions = permissions;
    this.#clock = clock;
  }

  of(identity: Identity): Caller {
    const known = this.#known.get(identity);
    if (known) return known;
    const caller = this.#byNamesOf(identity);
    this.#known.set(identity, caller);
    return caller;
  }

  /** Calls back when rights may have changed. Returns what ends that. */
  onChanged(listener: () => void): () => void {
    return this.#permissions.onChanged(listener);
  }

  #byNamesOf(identity: Identity): Caller {
    // Not joined by a character: a name may hold any.
    const key = JSON.stringify(identity.kind === "anonymous" ? [] : identity.names);
    const known = this.#byNames.get(key);
    if (known) return known;
    if (this.#byNames.size >= MAX_CALLERS) this.#forgetIdle();
    const caller = new Caller(identity, this.#permissions, this.#clock);
    this.#byNames.set(key, caller);
    return caller;
  }

  #forgetIdle(): void {
    for (const [key, { usage }] of this.#byNames) if (usage.idle) this.#byNames.delete(key);
  }
}
