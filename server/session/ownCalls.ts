import type { CallOutcome } from "../mesos/link/callOutcome.js";
import { type CallMessage, CallType, callTypeName, declineCalls, rolesCall } from "../mesos/messages/calls.js";
import type { Repetition } from "./repetition.js";
import type { Suppression } from "./suppression.js";

export interface OwnCallsHost {
  /** Sends a call, for the session's framework; `done` is called once. */
  send(call: CallMessage, done: (outcome: CallOutcome) => void): void;
  readonly suppression: Suppression;
  readonly repetition: Repetition;
}

/** As many calls are kept; of those beyond, Mesos asks again by itself. */
const MAX_KEPT = 1_000;

/**
 * What the bridge itself has to tell Mesos: it is told until Mesos has taken it, or it is not needed any more. Offers that
 * go back, and roles for which offers are wanted, belong to a subscription: the next one gives all offers back, and
 * says the roles itself.
 */
export class OwnCalls {
  readonly #host: OwnCallsHost;
  /** Offers to decline, but for those of a DECLINE that is on its way. */
  readonly #declines = new Set<string>();
  /** Other calls by what they are about, but for those on their way. The oldest first. */
  #kept = new Map<string, CallMessage>();
  #subscribed = false;
  #onTheWay = 0;
  /** A call that is not kept here was not taken, and none was since. */
  #othersFail = false;

  constructor(host: OwnCallsHost) {
    this.#host = host;
  }

  declineOffers(offerIds: readonly string[]): void {
    for (const id of offerIds) this.#declines.add(id);
    if (!this.#host.repetition.waiting) this.#tellDeclines();
  }

  /** Mesos has taken the offer back. */
  offerGone(offerId: string): void {
    this.#declines.delete(offerId);
  }

  /** The client came or left, or has another framework: it is tried at once to tell Mesos what that changes. */
  rolesChanged(): void {
    this.#tellAll();
  }

  /** Makes a call until Mesos has taken it, on this subscription or a later one. Of one `about` the newest counts. */
  say(about: string, call: CallMessage): void {
    this.#keep(about, call);
    if (!this.#host.repetition.waiting) this.#tellKept();
  }

  /** Makes a call that whoever wants it repeats. */
  sayOnce(call: CallMessage): void {
    this.#send(call, () => {
      this.#othersFail = true;
    });
  }

  /** A subscription stands. */
  subscribed(): void {
    this.#subscribed = true;
    this.#declines.clear();
    this.#host.suppression.subscribed();
    this.#othersFail = false;
    this.#tellAgain();
  }

  disconnected(): void {
    this.#subscribed = false;
    this.#declines.clear();
    this.#host.repetition.pause();
  }

  /** The framework is another one from now on. */
  clear(): void {
    this.disconnected();
    // A new one, so that calls of the former framework that are still on their way don't come back.
    this.#kept = new Map();
  }

  end(): void {
    this.clear();
    this.#host.repetition.end();
  }

  get #isDue(): boolean {
    if (this.#onTheWay + this.#declines.size + this.#kept.size > 0) return true;
    const { revive, suppress } = this.#host.suppression.changes();
    return revive.length + suppress.length > 0;
  }

  #tellAgain(): void {
    this.#tellAll();
    if (!this.#othersFail && !this.#isDue) this.#host.repetition.over("not-needed");
  }

  #tellAll(): void {
    this.#tellDeclines();
    this.#tellRoles();
    this.#tellKept();
  }

  #tellDeclines(): void {
    if (!this.#subscribed || this.#declines.size === 0) return;
    const ids = [...this.#declines];
    this.#declines.clear();
    for (const { call, offerIds } of declineCalls(ids)) {
      this.#send(call, () => {
        for (const id of offerIds) this.#declines.add(id);
      });
    }
  }

  #tellRoles(): void {
    if (!this.#subscribed) return;
    const { suppression } = this.#host;
    const { revive, suppress } = suppression.changes();
    if (revive.length > 0) this.#tellOfRoles(CallType.REVIVE, revive, revive);
    // While the client is away all roles are meant, which the call says by naming none.
    if (suppress.length > 0) this.#tellOfRoles(CallType.SUPPRESS, suppress, suppression.away ? [] : suppress);
  }

  #tellOfRoles(type: typeof CallType.REVIVE | typeof CallType.SUPPRESS, roles: string[], named: string[]): void {
    const { suppression } = this.#host;
    const telling = suppression.tell(roles, type === CallType.SUPPRESS);
    this.#send(
      rolesCall(type, named),
      () => suppression.answered(telling, false),
      () => suppression.answered(telling, true),
    );
  }

  #tellKept(): void {
    if (!this.#subscribed || this.#kept.size === 0) return;
    const calls = [...this.#kept];
    const kept = this.#kept;
    kept.clear();
    for (const [about, call] of calls) {
      this.#send(call, () => {
        if (kept === this.#kept && !kept.has(about)) this.#keep(about, call);
      });
    }
  }

  #keep(about: string, call: CallMessage): void {
    this.#kept.set(about, call);
    if (this.#kept.size <= MAX_KEPT) return;
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  #send(call: CallMessage, notTaken: () => void, taken: () => void = () => {}): void {
    this.#onTheWay++;
    this.#host.send(call, (outcome) => {
      this.#onTheWay--;
      const { repetition } = this.#host;
      if (outcome.kind === "accepted") {
        taken();
        this.#othersFail = false;
        if (repetition.troubled && !this.#isDue) repetition.over("taken");
      } else {
        notTaken();
        repetition.failed(callTypeName(call), outcome, () => this.#tellAgain());
      }
    });
  }
}
