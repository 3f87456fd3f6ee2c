import { Backoff } from "../../../wire/backoff.js";
import { type Clock, systemClock } from "../../../wire/clock.js";
import { systemRandomness } from "../../../wire/randomness.js";
import type { OutgoingCall } from "../messages/calls.js";
import { plainTls } from "../tls/clientTls.js";
import { AttemptCounts } from "./attemptCounts.js";
import { CallBudget } from "./callBudget.js";
import type { CallOutcome, Disconnection } from "./callOutcome.js";
import type { FrameworkLink, LinkHandler, Links } from "./frameworkLink.js";
import type { FrameworkPrincipals } from "./frameworkPrincipals.js";
import { frameworkRefusal } from "./frameworkRefusal.js";
import type { LinkOptions } from "./linkOptions.js";
import { MasterConnection } from "./masterConnection.js";
import { type Connect, connectWith } from "./openSocket.js";
import type { SubscriptionEnd } from "./subscription.js";

const MAX_REDIRECTS = 5;

/** Why a subscription ended that `restart` has replaced. */
const SUBSCRIBES_ANEW = "the framework subscribes anew";

type State =
  /** There is no master yet, or its credentials are being read. */
  | { readonly kind: "looking" }
  | { readonly kind: "subscribing"; readonly connection: MasterConnection }
  | { readonly kind: "subscribed"; readonly connection: MasterConnection }
  /** Between two attempts. */
  | { readonly kind: "pausing"; readonly pause: AbortController }
  /** Mesos has refused the framework, or the link has failed: it does not try again. */
  | { readonly kind: "over" };

/**
 * Links that all have these options.
 *
 * @param principals as whom each framework authenticates. Default: all of them by the `authentication` of the options
 */
export function linksWith(options: LinkOptions, principals?: FrameworkPrincipals): Links {
  if (!principals) {
    return {
      principalOf: () => ({ name: options.authentication.principal, fixed: false }),
      open: (_name, _principal, handler) => new Link(options, handler),
    };
  }
  return {
    principalOf: (name, known) => ({ name: known ? known.principal : principals.wantedFor(name), fixed: true }),
    open: (name, principal, handler) =>
      new Link({ ...options, authentication: principals.credentialsOf(name, principal) }, handler),
  };
}

/**
 * Holds the subscription of one framework at the leading master: finds the leader,
 * subscribes, watches the heartbeats, subscribes again when anything breaks, and sends
 * calls on a second connection in the order in which they were given.
 */
export class Link implements FrameworkLink {
  readonly #options: LinkOptions;
  readonly #handler: LinkHandler;
  readonly #backoff: Backoff;
  readonly #budget: CallBudget;
  readonly #connect: Connect;
  readonly #clock: Clock;
  readonly #attempts: AttemptCounts;
  readonly #stop = new AbortController();
  #state: State = { kind: "looking" };
  #running: Promise<void> | undefined;
  /** How many masters in a row named another one. */
  #redirects = 0;
  /** Why there is no subscription. */
  #reason = "no master yet";
  /** The newest `Authorization` header that is known. */
  #authorization: string | undefined;

  constructor(options: LinkOptions, handler: LinkHandler) {
    this.#options = options;
    this.#handler = handler;
    const { clock = systemClock, randomness = systemRandomness, connect = connectWith() } = options;
    this.#backoff = new Backoff({ random: () => randomness.fraction(), clock, ...options.backoff });
    this.#clock = clock;
    this.#attempts = options.attempts ?? new AttemptCounts();
    this.#connect = connect;
    this.#budget = options.callBudget ?? new CallBudget();
  }

  get connected(): boolean {
    return this.#state.kind === "subscribed";
  }

  start(): void {
    this.#running ??= this.#run();
  }

  restart(): void {
    this.#connection?.restart(SUBSCRIBES_ANEW);
  }

  send(call: OutgoingCall, done: (outcome: CallOutcome) => void): void {
    if (this.#state.kind === "subscribed") this.#state.connection.send(call, done);
    else done({ kind: "not-sent", message: this.#reason });
  }

  async close(): Promise<void> {
    const reason = "the bridge closes the link";
    this.#stop.abort(new Error(reason));
    this.#connection?.end(reason);
    this.#tryNow();
    await this.#running;
  }

  get #connection(): MasterConnection | undefined {
    return "connection" in this.#state ? this.#state.connection : undefined;
  }

  get #goesOn(): boolean {
    return this.#state.kind !== "over" && !this.#stop.signal.aborted;
  }

  /** The one place where the state changes. From `over` nothing leads away. */
  #enter(next: State): void {
    if (this.#state.kind === "over") return;
    const before = this.connected;
    this.#state = next;
    if (before === this.connected) return;
    const { counter } = this.#options;
    if (before) {
      this.#attempts.ended++;
      counter?.unsubscribed();
    } else {
      this.#attempts.subscribed++;
      counter?.subscribed();
    }
  }

  async #run(): Promise<void> {
    const { detector, authentication, tls = plainTls } = this.#options;
    const unwatchTls = tls.onChanged(() => this.#tryNow());
    const unwatch = detector.onLeaderChanged((leader) => this.#leaderChanged(leader));
    const unwatchAuthorization = authentication.onChanged((header) => this.#authorizationChanged(header));
    try {
      while (this.#goesOn) {
        const next = await this.#attempt();
        if (next === "later" && this.#goesOn) await this.#pause();
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#fail(error);
    } finally {
      unwatch();
      unwatchAuthorization();
      unwatchTls();
    }
  }

  async #pause(): Promise<void> {
    const pause = new AbortController();
    this.#enter({ kind: "pausing", pause });
    await this.#backoff.wait(pause.signal).catch(() => {});
    this.#enter({ kind: "looking" });
  }

  /** Subscribes at the leading master, until that ends. Says when to try again. */
  async #attempt(): Promise<"now" | "later"> {
    const { detector, authentication } = this.#options;
    const master = await detector.next(this.#stop.signal, (reason) => this.#report(reason));
    const authorization = await authentication.header().catch((error: Error) => error);
    if (authorization instanceof Error) {
      this.#attempts.failed++;
      this.#redirects = 0;
      this.#report(`the credentials can't be read: ${authorization.message}`);
      return "later";
    }
    this.#authorization = authorization;
    const connection = this.#connectionTo(master, authorization);
    const end = await this.#runConnection(connection);
    if (!this.#goesOn) return "later";
    if (!connection.wasSubscribed) this.#attempts[end.kind === "redirected" ? "redirected" : "failed"]++;
    this.#ended(end, connection);
    // What failed with credentials that were replaced meanwhile is tried with the new ones at once.
    const outdated = authorization !== this.#authorization;
    return this.#redirects > 0 || connection.interrupted || outdated ? "now" : "later";
  }

  #connectionTo(master: URL, authorization: string | undefined): MasterConnection {
    const subscribeCall = this.#handler.subscribeCall();
    const connection: MasterConnection = new MasterConnection(
      {
        link: this.#options,
        master,
        subscribeCall,
        authorization,
        budget: this.#budget,
        connect: this.#connect,
        clock: this.#clock,
      },
      {
        subscribed: () => this.#subscribed(connection),
        events: (events) => this.#handler.onEvents(events),
        refused: (message) => this.#refuse(message),
        credentialsRefused: () => this.#authorizationRefused(),
        fault: (error) => this.#fail(error),
      },
    );
    return connection;
  }

  async #runConnection(connection: MasterConnection): Promise<SubscriptionEnd> {
    const { settledAfterMs = 5_000 } = this.#options;
    this.#enter({ kind: "subscribing", connection });
    try {
      return await connection.run();
    } finally {
      // A subscription that has lived for a while shows that the master can be used: then a break is tried again soon.
      if (connection.lastedMs >= settledAfterMs) this.#backoff.reset();
      this.#enter({ kind: "looking" });
    }
  }

  #subscribed(connection: MasterConnection): void {
    this.#redirects = 0;
    // Until it is told why it ended.
    this.#reason = "the subscription ended";
    this.#enter({ kind: "subscribed", connection });
    this.#handler.onConnected(this.#told(connection.master.host));
  }

  #ended(end: SubscriptionEnd, { master, interrupted, restarted }: MasterConnection): void {
    const { detector, log } = this.#options;
    if (end.kind === "redirected") return this.#follow(end.leader, master);
    this.#redirects = 0;
    if (!interrupted) detector.failed(master);
    log.debug({ master: this.#told(master.host), reason: this.#told(end.reason) }, "the subscription ended");
    this.#report(end.reason, end.kind === "stopped" && restarted ? "restarted" : "lost");
  }

  #follow(leader: URL, from: URL): void {
    this.#redirects++;
    if (this.#redirects <= MAX_REDIRECTS) return this.#options.detector.redirected(leader);
    this.#redirects = 0;
    this.#options.detector.failed(from);
    this.#report(`${from.host} and others redirect in a circle: ${MAX_REDIRECTS} redirects and no leader`);
  }

  #leaderChanged(leader: URL | undefined): void {
    const connection = this.#connection;
    // It is the master that this link is at: nothing to leave, but a reason to try again now.
    if (!leader || leader.origin !== connection?.master.origin) {
      connection?.interrupt(leader ? `${leader.host} leads now` : "the leading master is gone");
    }
    this.#tryNow();
  }

  /** A secret or token was replaced: calls carry it from now on, and what failed with the old one is tried again. */
  #authorizationChanged(header: string): void {
    this.#setAuthorization(header);
    this.#tryNow();
    if (this.#goesOn) this.#handler.onCredentialsReplaced();
  }

  #setAuthorization(header: string | undefined): void {
    this.#authorization = header;
    this.#connection?.setAuthorization(header);
  }

  /** A call was refused for its credentials: they may have been replaced since the last look at their file. */
  #authorizationRefused(): void {
    this.#options.authentication.header().then(
      (header) => this.#setAuthorization(header),
      // The file can't be read now. Until it can, calls use what was read before.
      () => {},
    );
  }

  #tryNow(): void {
    this.#backoff.reset();
    if (this.#state.kind === "pausing") this.#state.pause.abort();
  }

  #refuse(message: string): void {
    const told = this.#told(message);
    if (!this.#end(told)) return;
    this.#attempts.refused++;
    this.#handler.onRefused(frameworkRefusal(message, told));
  }

  #fail(error: unknown): void {
    if (this.#end("the bridge failed")) this.#handler.onFault(error);
  }

  /** Ends the link for good. False if it has ended before. */
  #end(reason: string): boolean {
    if (!this.#goesOn) return false;
    const connection = this.#connection;
    this.#tryNow();
    this.#enter({ kind: "over" });
    this.#reason = reason;
    connection?.end(reason);
    return true;
  }

  #report(reason: string, cause: Disconnection["cause"] = "lost"): void {
    this.#reason = this.#told(reason);
    this.#handler.onDisconnected({ cause, reason: this.#reason });
  }

  /** What may hold words of a master, which may echo what it was sent, as others may see it. */
  #told(text: string): string {
    return this.#options.authentication.secrets.redact(text);
  }
}
