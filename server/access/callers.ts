import type { Clock } from "../../wire/clock.js";
import { type CallMessage, CallType } from "../mesos/messages/calls.js";
import { launchCount } from "../mesos/messages/launchCount.js";
import { BridgeError } from "../session/errors.js";
import {
  type Action,
  type Audit,
  type AuditEvent,
  auditedMessage,
  type Deed,
  noAudit,
  type Operated,
} from "./audit/audit.js";
import { type Identity, nameOf } from "./identity.js";
import type { Permissions } from "./permissions/permissions.js";
import { notAllowed, notEverywhere, nothingAllowed, serviceNotAllowed } from "./permissions/refusals.js";
import type { Rights } from "./permissions/rights.js";
import type { Service, Verb } from "./permissions/rule.js";
import { checkCallUses, checkFrameworkUses, type FindOffer, type UsedFramework } from "./permissions/uses.js";
import { TokenBucket } from "./tokenBucket.js";
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
  readonly #audit: Audit;
  readonly #refusals: TokenBucket;
  #unlisted = 0;

  constructor(identity: Identity, permissions: Permissions, clock: Clock, audit: Audit) {
    this.name = nameOf(identity);
    this.usage = new Usage(this.name, clock);
    this.#identity = identity;
    this.#permissions = permissions;
    this.#audit = audit;
    this.#refusals = new TokenBucket(clock);
  }

  get rights(): Rights {
    return this.#permissions.rightsOf(this.#identity);
  }

  /** @throws BridgeError PERMISSION_DENIED */
  expect(verb: Verb, frameworkName: string): void {
    if (!this.rights.on(frameworkName).may(verb)) throw notAllowed(this.name, verb, frameworkName);
  }

  /** Expects that there is something with which it may do that. @throws BridgeError PERMISSION_DENIED */
  expectAnywhere(verb: Verb): void {
    if (!this.rights.mayAnywhere(verb)) throw nothingAllowed(this.name, verb);
  }

  /** Expects that it may do that with all frameworks. @throws BridgeError PERMISSION_DENIED */
  expectEverywhere(verb: Verb): void {
    if (!this.rights.mayEverywhere(verb)) throw notEverywhere(this.name, verb);
  }

  /** @throws BridgeError PERMISSION_DENIED */
  expectService(service: Service): void {
    if (!this.rights.mayUse(service)) throw serviceNotAllowed(this.name, service);
  }

  /** Expects that it may use what a call names. @throws BridgeError PERMISSION_DENIED, WireError */
  expectUses(framework: UsedFramework, call: CallMessage, findOffer: FindOffer): void {
    const { rights } = this;
    if (rights.restricted) checkCallUses(rights, framework, call, findOffer);
  }

  /** Expects that it may have such a framework subscribed. @throws BridgeError PERMISSION_DENIED, WireError */
  expectFramework(framework: UsedFramework, suppressedRoles: readonly string[]): void {
    const { rights } = this;
    if (rights.restricted) checkFrameworkUses(rights, framework, suppressedRoles);
  }

  /** Whether calls are counted: otherwise nothing needs to be found out about one. */
  get limitsCalls(): boolean {
    return this.rights.limits["calls-per-second"] !== undefined;
  }

  /** Counts a call that is not an acknowledgement. @throws BridgeError IDENTITY_LIMIT */
  countCall(): void {
    this.usage.call(this.rights.limits);
  }

  /** Something was done with a framework, or failed. */
  did(event: Did["event"], framework: string, details: Omit<Did, "event" | "identity" | "framework"> = {}): void {
    this.#audit.record({ event, identity: this.name, framework, ...details });
  }

  /** It did that as an operator. */
  operated(action: Action, what: Operated): void {
    this.#audit.record({ event: "operate", action, identity: this.name, ...what });
  }

  imported(framework: string, frameworkId: string): void {
    this.#audit.record({ event: "import", identity: this.name, framework, framework_id: frameworkId });
  }

  /** A call of this caller was let in. */
  sends(framework: string, call: CallMessage): void {
    if (!this.#audit.kept) return;
    if (call.type === CallType.TEARDOWN) this.did("teardown", framework);
    else if (call.type === CallType.KILL) this.#audit.count(this.name, 0, 1);
    else if (call.type === CallType.ACCEPT) this.#countLaunches(launchCount(call));
  }

  #countLaunches(launches: number): void {
    if (launches > 0) this.#audit.count(this.name, launches, 0);
  }

  /** An error ended a call of this caller, or its stream. A refusal is recorded; other errors are not. */
  failed(error: unknown): void {
    if (!(error instanceof BridgeError) || !REFUSALS.has(error.reason)) return;
    if (!this.#refusals.take(MAX_REFUSALS_A_SECOND)) {
      this.#unlisted++;
      return;
    }
    const { reason, message } = error;
    const unlisted = this.#unlisted === 0 ? {} : { unlisted: this.#unlisted };
    this.#unlisted = 0;
    this.#audit.record({
      event: "refusal",
      identity: this.name,
      reason,
      message: auditedMessage(message),
      ...unlisted,
    });
  }
}

type Did = Extract<AuditEvent, { event: Deed }>;

const REFUSALS: ReadonlySet<string> = new Set(["PERMISSION_DENIED", "IDENTITY_LIMIT", "ADMISSION_DENIED"]);
/** Those of one caller that have lines of their own. */
const MAX_REFUSALS_A_SECOND = 100;

/** The callers by their identities: one identity is one caller, on however many connections. */
export class Callers {
  readonly #permissions: Permissions;
  readonly #clock: Clock;
  readonly #audit: Audit;
  readonly #known = new WeakMap<Identity, Caller>();
  readonly #byNames = new Map<string, Caller>();

  constructor(permissions: Permissions, clock: Clock, audit: Audit = noAudit) {
    this.#permissions = permissions;
    this.#clock = clock;
    this.#audit = audit;
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
    const caller = new Caller(identity, this.#permissions, this.#clock, this.#audit);
    this.#byNames.set(key, caller);
    return caller;
  }

  #forgetIdle(): void {
    for (const [key, { usage }] of this.#byNames) if (usage.idle) this.#byNames.delete(key);
  }
}
