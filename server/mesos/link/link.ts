import { Backoff } from "../../../wire/backoff.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import { readFrameworkId } from "../messages/calls.js";
import { EventType, readErrorMessage, readEvent, readEventType, readSubscribed } from "../messages/events.js";
import { CallBudget } from "./callBudget.js";
import { CallConnection } from "./callConnection.js";
import type { CallOutcome, Refused } from "./callOutcome.js";
import type { LinkHandler, LinkOptions } from "./linkOptions.js";
import { type SubscriptionEnd, subscribe } from "./subscription.js";

const DEFAULT_HEARTBEAT_MS = 15_000;
const MAX_REDIRECTS = 5;
/** Of an id that a master made up, as much is told. */
const MAX_ID_CHARACTERS = 100;

/** One attempt to subscribe, and the subscription that comes of it. */
interface Attempt {
  readonly master: URL;
  /** Of the framework that subscribes; empty if it has none yet. */
  readonly frameworkId: string;
  /** Ends it when the master is silent. */
  readonly watchdog: PatientTimer;
  /** Set with the head of the answer. */
  readonly streamId: string;
}

/** Why a subscription ended that `restart` has replaced: nothing went wrong. */
export const SUBSCRIBES_ANEW = "the framework subscribes anew";

/**
 * Holds the subscription of one framework at the leading master: finds the leader,
 * subscribes, watches the heartbeats, subscribes again when anything breaks, and sends
 * calls on a second connection in the order in which they were given.
 */
export class Link {
  readonly #options: LinkOptions;
  readonly #handler: LinkHandler;
  readonly #backoff: Backoff;
  readonly #budget: CallBudget;
  readonly #stop = new AbortController();
  #subscription: AbortController | undefined;
  #calls: CallConnection | undefined;
  #connected = false;
  /** Mesos has refused the framework, or the link has failed. */
  #over = false;
  /** When the subscription began, on the clock of `performance`. */
  #subscribedAtMs: number | undefined;
  #redirects = 0;
  #running: Promise<void> | undefined;
  #lastReason = "";
  /** Set when the link itself ended the subscription: then the master is not to blame. */
  #deliberate = false;
  /** The master of the subscription, or of the attempt to make one. */
  #master: URL | undefined;
  /** The newest `Authorization` header that is known: what is sent next carries it. */
  #authorization: string | undefined;
  /** Ends the wait between two attempts. */
  #pause: AbortController | undefined;

  constructor(options: LinkOptions, handler: LinkHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#backoff = new Backoff(options.backoff);
    this.#budget = options.callBudget ?? new CallBudget();
  }

  /** True from SUBSCRIBED until the subscription ends. */
  get connected(): boolean {
    return this.#connected;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** Subscribes anew, because the subscription has to say something else now. */
  restart(): void {
    this.#interrupt(SUBSCRIBES_ANEW);
  }

  /**
   * Sends a serialized Call on the current subscription. `done` is called exactly once.
   * Without a subscription the outcome is `not-sent`.
   */
  send(call: Uint8Array, done: (outcome: CallOutcome) => void): void {
    if (this.#connected && this.#calls) this.#calls.send(call, done);
    else done({ kind: "not-sent", message: this.#lastReason === "" ? "no master yet" : this.#lastReason });
  }

  /** Ends subscription and calls; afterwards nothing more is told to the handler. */
  async close(): Promise<void> {
    this.#stop.abort(new Error("the bridge closes the link"));
    this.#subscription?.abort(this.#stop.signal.reason);
    this.#pause?.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const signal = this.#stop.signal;
    const { detector, authentication } = this.#options;
    const unwatch = detector.onLeaderChanged((leader) => this.#leaderChanged(leader));
    const unwatchAuthorization = authentication.onChanged((header) => this.#authorizationChanged(header));
    try {
      while (!signal.aborted && !this.#over) {
        this.#deliberate = false;
        const authorization = await this.#attempt(signal);
        if (signal.aborted || this.#over) break;
        // What failed with credentials that were replaced meanwhile is tried with the new ones at once.
        const outdated = authorization !== this.#authorization;
        if (this.#redirects === 0 && !this.#deliberate && !outdated) await this.#wait();
      }
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      unwatch();
      unwatchAuthorization();
    }
  }

  async #wait(): Promise<void> {
    const pause = new AbortController();
    this.#pause = pause;
    await this.#backoff.wait(pause.signal).catch(() => {});
    this.#pause = undefined;
  }

  #leaderChanged(leader: URL | undefined): void {
    // It is the master that this link is at: nothing to leave, but a reason to try again now.
    if (!leader || leader.origin !== this.#master?.origin) {
      this.#interrupt(leader ? `${leader.host} leads now` : "the leading master is gone");
    }
    this.#tryNow();
  }

  /** A secret or token was replaced: calls carry it from now on, and what failed with the old one is tried again. */
  #authorizationChanged(header: string): void {
    this.#setAuthorization(header);
    this.#tryNow();
  }

  #setAuthorization(header: string | undefined): void {
    this.#authorization = header;
    this.#calls?.setAuthorization(header);
  }

  /** A call was refused for its credentials: they may have been replaced since the last look at their file. */
  #authorizationRefused(): void {
    this.#options.authentication.header().then(
      (header) => this.#setAuthorization(header),
      // The file can't be read now. Calls go on with what was read before, until it can.
      () => {},
    );
  }

  #tryNow(): void {
    this.#backoff.reset();
    this.#pause?.abort();
  }

  #interrupt(reason: string): void {
    if (!this.#subscription) return;
    this.#deliberate = true;
    this.#subscription.abort(new Error(reason));
  }

  /** Subscribes, until that ends. Gives the `Authorization` header that it did so with. */
  async #attempt(stop: AbortSignal): Promise<string | undefined> {
    const { detector, authentication } = this.#options;
    const master = await detector.next(stop, (reason) => this.#report(reason));
    this.#master = master;
    const authorization = await authentication.header().catch((error: Error) => error);
    if (authorization instanceof Error) {
      this.#redirects = 0;
      this.#report(`the credentials can't be read: ${authorization.message}`);
      return this.#authorization;
    }
    this.#authorization = authorization;
    const end = await this.#subscribe(master, authorization);
    if (!stop.aborted && !this.#over) this.#ended(end, master);
    return authorization;
  }

  #ended(end: SubscriptionEnd, master: URL): void {
    const { detector, log } = this.#options;
    if (end.kind === "redirected") return this.#follow(end.leader, master);
    this.#redirects = 0;
    if (!this.#deliberate) detector.failed(master);
    log.debug({ master: this.#told(master.host), reason: this.#told(end.reason) }, "the subscription ended");
    this.#report(end.reason);
  }

  async #subscribe(master: URL, authorization: string | undefined): Promise<SubscriptionEnd> {
    const { connectTimeoutMs = 10_000, maxRecordBytes = 256 * 1024 * 1024, tlsCa } = this.#options;
    const { secrets } = this.#options.authentication;
    const controller = new AbortController();
    const call = this.#handler.subscribeCall();
    this.#subscription = controller;
    const watchdog = new PatientTimer((ms) => controller.abort(new Error(`${master.host} was silent for ${ms} ms`)));
    const attempt = { master, frameworkId: readFrameworkId(call), watchdog, streamId: "" };
    try {
      return await subscribe(
        { master, call, authorization, secrets, tlsCa, connectTimeoutMs, maxRecordBytes },
        {
          onOpen: (id) => {
            attempt.streamId = id;
            watchdog.start(connectTimeoutMs);
          },
          onEvents: (events) => {
            watchdog.refresh();
            this.#onEvents(events, attempt);
          },
        },
        controller.signal,
      );
    } finally {
      watchdog.stop();
      this.#settle();
      this.#subscription = undefined;
      this.#setConnected(false);
      this.#calls?.close("the subscription ended");
      this.#calls = undefined;
    }
  }

  /** A subscription that has lived for a while shows that the master can be used: then a break is tried again soon. */
  #settle(): void {
    const { settledAfterMs = 5_000 } = this.#options;
    const since = this.#subscribedAtMs;
    this.#subscribedAtMs = undefined;
    if (since !== undefined && performance.now() - since >= settledAfterMs) this.#backoff.reset();
  }

  #onEvents(events: readonly Uint8Array[], attempt: Attempt): void {
    const relayed: Uint8Array[] = [];
    for (const event of events) {
      const type = readEventType(event);
      if (type === EventType.HEARTBEAT) continue;
      if (type === EventType.ERROR) {
        this.#relay(relayed.splice(0));
        this.#refuse(readErrorMessage(readEvent(event).payload));
        return;
      }
      if (type === EventType.SUBSCRIBED && !this.#onSubscribed(event, attempt)) return this.#relay(relayed);
      relayed.push(event);
    }
    this.#relay(relayed);
  }

  /** False if the subscription is not this framework's, and ends. */
  #onSubscribed(event: Uint8Array, { master, frameworkId, watchdog, streamId }: Attempt): boolean {
    const subscribed = readSubscribed(readEvent(event).payload);
    if (frameworkId !== "" && subscribed.frameworkId !== "" && subscribed.frameworkId !== frameworkId) {
      const given = this.#told(subscribed.frameworkId).slice(0, MAX_ID_CHARACTERS);
      const reason = `${master.host} subscribed framework ${given} in place of ${frameworkId}: nothing of that is used`;
      this.#subscription?.abort(new Error(reason));
      return false;
    }
    const { missedHeartbeats = 5, callTimeoutMs = 30_000, maxPendingCalls = 20_000 } = this.#options;
    watchdog.start(believable(subscribed.heartbeatIntervalMs) * missedHeartbeats);
    this.#subscribedAtMs ??= performance.now();
    this.#redirects = 0;
    this.#calls?.close("the master began the subscription anew");
    this.#calls = new CallConnection({
      master,
      streamId,
      authorization: this.#authorization,
      secrets: this.#options.authentication.secrets,
      tlsCa: this.#options.tlsCa,
      timeoutMs: callTimeoutMs,
      idleMs: this.#options.callIdleMs ?? 15_000,
      maxPendingCalls,
      maxPendingBytes: this.#options.maxPendingBytes ?? 64 * 1024 * 1024,
      budget: this.#budget,
      // As Mesos's own clients do: what became of offers in those calls is not known, and
      // a new subscription makes the master give all of them back.
      onBroken: (reason) => this.#subscription?.abort(new Error(`the connection of calls broke: ${reason}`)),
      onSubscriptionOver: (refused) => this.#subscription?.abort(new Error(refusedText(refused))),
      // The master says so on the stream as well, unless that has broken without a sign of it.
      onFailedOver: () => this.#refuse("Framework failed over"),
      onCredentialsRefused: () => this.#authorizationRefused(),
      onFault: (error) => this.#fail(error),
    });
    this.#setConnected(true);
    this.#lastReason = "";
    this.#handler.onConnected(this.#told(master.host));
    return true;
  }

  #setConnected(connected: boolean): void {
    if (connected === this.#connected) return;
    this.#connected = connected;
    if (connected) this.#options.census?.subscribed();
    else this.#options.census?.unsubscribed();
  }

  #relay(events: Uint8Array[]): void {
    if (events.length > 0) this.#handler.onEvents(events);
  }

  #refuse(message: string): void {
    const told = this.#told(message);
    if (this.#end(told)) this.#handler.onRefused(told);
  }

  #fail(error: unknown): void {
    if (this.#end("the bridge failed")) this.#handler.onFault(error);
  }

  /** Ends the link for good. False if it has ended before. */
  #end(reason: string): boolean {
    if (this.#over || this.#stop.signal.aborted) return false;
    this.#over = true;
    this.#setConnected(false);
    this.#lastReason = reason;
    this.#subscription?.abort(new Error(reason));
    this.#pause?.abort();
    return true;
  }

  #follow(leader: URL, from: URL): void {
    this.#redirects++;
    if (this.#redirects <= MAX_REDIRECTS) return this.#options.detector.redirected(leader);
    this.#redirects = 0;
    this.#options.detector.failed(from);
    this.#report(`${from.host} and others redirect in a circle: ${MAX_REDIRECTS} redirections and no leader`);
  }

  #report(reason: string): void {
    this.#lastReason = this.#told(reason);
    this.#handler.onDisconnected(this.#lastReason);
  }

  /** What may hold words of a master, which may echo what it was sent, as others may see it. */
  #told(text: string): string {
    return this.#options.authentication.secrets.redact(text);
  }
}

function refusedText({ foreign, message }: Refused): string {
  return `${foreign ? "something between the bridge and Mesos" : "the master"} refuses calls: ${message}`;
}

/** A heartbeat interval as a master may have it: a second to a day. Any other is taken for Mesos's own. */
function believable(intervalMs: number | undefined): number {
  return intervalMs !== undefined && intervalMs >= 1_000 && intervalMs <= 86_400_000
    ? intervalMs
    : DEFAULT_HEARTBEAT_MS;
}
