import type { Clock } from "../../../wire/clock.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import { type OutgoingCall, readFrameworkId } from "../messages/calls.js";
import { EventType, readErrorMessage, readEvent, readEventType, readSubscribed } from "../messages/events.js";
import type { CallBudget } from "./callBudget.js";
import { CallConnection } from "./callConnection.js";
import type { CallOutcome, Refused } from "./callOutcome.js";
import { FAILED_OVER } from "./frameworkRefusal.js";
import type { LinkOptions } from "./linkOptions.js";
import type { Connect } from "./openSocket.js";
import { type SubscriptionEnd, subscribe } from "./subscription.js";

const DEFAULT_HEARTBEAT_MS = 15_000;
/** Of an id that a master made up, as much is told. */
const MAX_ID_CHARACTERS = 100;

export interface MasterConnectionOptions {
  readonly link: LinkOptions;
  readonly master: URL;
  /** The serialized SUBSCRIBE call. */
  readonly subscribeCall: Uint8Array;
  readonly authorization: string | undefined;
  readonly budget: CallBudget;
  readonly connect: Connect;
  readonly clock: Clock;
}

/** What a connection tells its link. */
export interface MasterConnectionHost {
  /** SUBSCRIBED came: calls can be sent. */
  subscribed(): void;
  /** Events of one chunk, in order, heartbeats left out. */
  events(events: readonly Uint8Array[]): void;
  /** Mesos wants no more of this framework. */
  refused(message: string): void;
  /** A call was refused for its credentials. */
  credentialsRefused(): void;
  /** The bridge has a fault. */
  fault(error: unknown): void;
}

type Phase =
  | { readonly kind: "opening" }
  /** The master answered 200. */
  | { readonly kind: "open"; readonly streamId: string }
  | {
      readonly kind: "subscribed";
      readonly streamId: string;
      readonly calls: CallConnection;
      /** On the clock. */
      readonly sinceMs: number;
    }
  | { readonly kind: "over"; readonly lastedMs: number | undefined };

/**
 * What a link has at one master: the attempt to subscribe, the subscription that comes of it, its watchdog and its calls. All
 * of it ends together.
 */
export class MasterConnection {
  readonly #options: MasterConnectionOptions;
  readonly #host: MasterConnectionHost;
  readonly #stop = new AbortController();
  /** Ends it when the master is silent. */
  readonly #watchdog: PatientTimer;
  /** Of the framework that subscribes; empty if it has none yet. */
  readonly #frameworkId: string;
  #phase: Phase = { kind: "opening" };
  /** The newest `Authorization` header that is known: what is sent next carries it. */
  #authorization: string | undefined;
  #interrupted = false;
  #restarted = false;

  constructor(options: MasterConnectionOptions, host: MasterConnectionHost) {
    this.#options = options;
    this.#host = host;
    this.#authorization = options.authorization;
    this.#frameworkId = readFrameworkId(options.subscribeCall);
    this.#watchdog = new PatientTimer((ms) => this.end(`${this.master.host} was silent for ${ms} ms`), options.clock);
  }

  get master(): URL {
    return this.#options.master;
  }

  /** True when the bridge itself has ended it: then the master is not to blame. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  /** True when it was `restart` that ended it. */
  get restarted(): boolean {
    return this.#restarted;
  }

  /** How long the subscription lasted, in ms, once it is over; 0 if there was none. */
  get lastedMs(): number {
    return this.#phase.kind === "over" ? (this.#phase.lastedMs ?? 0) : 0;
  }

  /** Once it is over: whether there was a subscription. */
  get wasSubscribed(): boolean {
    return this.#phase.kind === "over" && this.#phase.lastedMs !== undefined;
  }

  /** Subscribes, until that ends. Rejects with what the host has thrown. To be called once. */
  async run(): Promise<SubscriptionEnd> {
    const { link, master, subscribeCall: call, authorization, connect, clock } = this.#options;
    const { connectTimeoutMs = 10_000, maxRecordBytes = 256 * 1024 * 1024 } = link;
    const { secrets } = link.authentication;
    try {
      return await subscribe(
        { master, call, authorization, secrets, connect, clock, connectTimeoutMs, maxRecordBytes },
        {
          onOpen: (streamId) => {
            this.#phase = { kind: "open", streamId };
            this.#watchdog.start(connectTimeoutMs);
          },
          onEvents: (events) => {
            this.#watchdog.refresh();
            this.#onEvents(events);
          },
        },
        this.#stop.signal,
      );
    } finally {
      this.#watchdog.stop();
      this.#over();
    }
  }

  /** Sends a call; `done` is called exactly once. To be called once it is subscribed. */
  send(call: OutgoingCall, done: (outcome: CallOutcome) => void): void {
    if (this.#phase.kind === "subscribed") this.#phase.calls.send(call, done);
    else done({ kind: "not-sent", message: "the subscription ended" });
  }

  setAuthorization(header: string | undefined): void {
    this.#authorization = header;
    if (this.#phase.kind === "subscribed") this.#phase.calls.setAuthorization(header);
  }

  /** Ends it because the framework has to subscribe anew. */
  restart(reason: string): void {
    if (!this.#stop.signal.aborted) this.#restarted = true;
    this.interrupt(reason);
  }

  /** Ends it for a reason of the bridge's own. */
  interrupt(reason: string): void {
    this.#interrupted = true;
    this.end(reason);
  }

  end(reason: string): void {
    this.#stop.abort(new Error(reason));
  }

  #over(): void {
    const phase = this.#phase;
    const subscribed = phase.kind === "subscribed";
    this.#phase = { kind: "over", lastedMs: subscribed ? this.#options.clock.now() - phase.sinceMs : undefined };
    if (subscribed) phase.calls.close("the subscription ended");
  }

  #onEvents(events: readonly Uint8Array[]): void {
    const relayed: Uint8Array[] = [];
    for (const event of events) {
      const type = readEventType(event);
      if (type === EventType.HEARTBEAT) continue;
      if (type === EventType.ERROR) {
        this.#relay(relayed);
        this.#host.refused(readErrorMessage(readEvent(event).payload));
        return;
      }
      if (type === EventType.SUBSCRIBED && !this.#onSubscribed(event)) return this.#relay(relayed);
      relayed.push(event);
    }
    this.#relay(relayed);
  }

  #relay(events: readonly Uint8Array[]): void {
    if (events.length > 0) this.#host.events(events);
  }

  /** False if the subscription is not this framework's, and ends. */
  #onSubscribed(event: Uint8Array): boolean {
    const phase = this.#phase;
    if (phase.kind !== "open" && phase.kind !== "subscribed") return false;
    const { frameworkId, heartbeatIntervalMs } = readSubscribed(readEvent(event).payload);
    if (this.#frameworkId !== "" && frameworkId !== "" && frameworkId !== this.#frameworkId) {
      this.end(this.#otherFramework(frameworkId));
      return false;
    }
    const { missedHeartbeats = 5 } = this.#options.link;
    this.#watchdog.start(believable(heartbeatIntervalMs) * missedHeartbeats);
    if (phase.kind === "subscribed") phase.calls.close("the master began the subscription anew");
    const sinceMs = phase.kind === "subscribed" ? phase.sinceMs : this.#options.clock.now();
    const { streamId } = phase;
    this.#phase = { kind: "subscribed", streamId, calls: this.#openCalls(streamId), sinceMs };
    this.#host.subscribed();
    return true;
  }

  #otherFramework(frameworkId: string): string {
    const given = this.#options.link.authentication.secrets.redact(frameworkId).slice(0, MAX_ID_CHARACTERS);
    return `${this.master.host} subscribed framework ${given} in place of ${this.#frameworkId}: its answer is ignored`;
  }

  #openCalls(streamId: string): CallConnection {
    const { link, master, budget, connect, clock } = this.#options;
    const { callTimeoutMs: timeoutMs = 30_000, callIdleMs: idleMs = 15_000, maxPendingCalls = 20_000 } = link;
    const { maxPendingBytes = 64 * 1024 * 1024, authentication } = link;
    return new CallConnection({
      master,
      streamId,
      authorization: this.#authorization,
      secrets: authentication.secrets,
      connect,
      clock,
      timeoutMs,
      idleMs,
      maxPendingCalls,
      maxPendingBytes,
      budget,
      // As Mesos's own clients do: what became of offers in those calls is not known, and
      // a new subscription makes the master give all of them back.
      onBroken: (reason) => this.end(`the connection for calls broke: ${reason}`),
      onSubscriptionOver: (refused) => this.end(refusedText(refused)),
      // The master says so on the stream as well, unless that has broken without a sign of it.
      onFailedOver: () => this.#host.refused(FAILED_OVER),
      onCredentialsRefused: () => this.#host.credentialsRefused(),
      onFault: (error) => this.#host.fault(error),
    });
  }
}

function refusedText({ cause, message }: Refused): string {
  return `${cause === "unreachable" ? "something between the bridge and Mesos" : "the master"} refuses calls: ${message}`;
}

/** A heartbeat interval as a master may have it: a second to a day. Any other is taken for Mesos's own. */
function believable(intervalMs: number | undefined): number {
  return intervalMs !== undefined && intervalMs >= 1_000 && intervalMs <= 86_400_000
    ? intervalMs
    : DEFAULT_HEARTBEAT_MS;
}
