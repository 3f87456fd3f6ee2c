import type { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { ExpiryPolicy, SubscribeMode, type SubscribeRequest } from "../../../gen/mesosbridge/v1/scheduler.js";
import type { BackoffOptions } from "../../../wire/backoff.js";
import type { TlsOptions, Token } from "./access.js";
import { Acknowledger } from "./acknowledger.js";
import { Attachment } from "./attachment.js";
import { Bridges } from "./bridges.js";
import { type CallContext, SchedulerCalls } from "./calls.js";
import { withDeadline } from "./deadline.js";
import type { DeepPartial } from "./deepPartial.js";
import { type BridgeError, toBridgeError } from "./errors.js";
import { EventQueue } from "./eventQueue.js";
import type { SchedulerEvent } from "./events.js";
import { Notices } from "./notices.js";

export interface SchedulerOptions {
  /**
   * The bridge: `HOST:PORT`, or `unix:/PATH` for a socket. For a bridge that may move to another host, several: `"a:50051,b:50051"`. If the one in use
   * can't be reached, the next one is tried at once.
   */
  bridge: string;
  /**
   * An HTTP proxy through which to reach the bridge: `http://[USER:PASSWORD@]HOST:PORT`. Default: none. Proxies that the
   * environment names (such as `http_proxy`) are not used.
   */
  proxy?: string;
  /** Use TLS to the bridge. Default: plain text. */
  tls?: TlsOptions;
  /**
   * Who this client is: a token that the bridge knows, or a function that gives a fresh one, which is called for each
   * stream and each call. After a token that is refused, a function is asked once more. If it fails, that is like a
   * bridge that can't be reached. A token goes to another host only over TLS. Default: none.
   */
  token?: Token;
  /** Names the session. The bridge keeps the Mesos framework id that belongs to it. */
  frameworkName: string;
  /** The framework as Mesos will know it; `user` is required. Default: the one that the bridge has stored. */
  frameworkInfo?: DeepPartial<FrameworkInfo>;
  /** How long the session outlives this client, in ms. Default: the bridge's, 60 s. */
  leaseMs?: number;
  /** What happens to the framework then: `disconnect` leaves it to Mesos's failover timeout. Default `disconnect`. */
  expiry?: "disconnect" | "teardown";
  /** Roles for which no offers are wanted yet. */
  suppressedRoles?: string[];
  /** Which agents' offers are wanted, as in Mesos's SUBSCRIBE. */
  offerConstraints?: SubscribeRequest["offerConstraints"];
  /**
   * If Mesos has removed the stored framework (its failover timeout ran out, or it was torn down): continue as a new
   * one. Default false: the events end with `FRAMEWORK_REMOVED`.
   */
  replaceRemoved?: boolean;
  /**
   * Wait while another scheduler of this framework is active, and take over when it is gone. Use it in each of several
   * instances. A `standby` event comes first, and `opened` once this one is active; calls wait until then. Default false:
   * it takes over at once.
   */
  standby?: boolean;
  /** Waits between attachments: exponential, full jitter. Default from 100 ms up to 15 s. */
  backoff?: BackoffOptions;
  /** Gives up when there was no attachment for so long, in ms. Default: never. */
  giveUpAfterMs?: number;
  /** Deadline of each call, in ms. Default 30,000. */
  deadlineMs?: number;
  /** Acknowledge an update once the next event is asked for. Default true; false: call `acknowledge` yourself. */
  acknowledge?: boolean;
  /**
   * Is called before acknowledgements are sent, and they wait for it: for a program that stores what it has handled, so
   * that many updates share one write. While it rejects they are not sent, and it is called again. Default: none.
   */
  beforeAcknowledging?: () => Promise<void>;
  /** How many events and offers may wait for the consumer before the bridge is made to wait. Default 10,000. */
  maxBuffered?: number;
  /** Told once what the scheduler waits for: a bridge, its master, or offers. Default: `console.error`. */
  log?: (line: string) => void;
  /** Ends the scheduler as `close` does, without waiting for acknowledgements. */
  signal?: AbortSignal;
}

/**
 * A framework's scheduler, driven through the bridge.
 *
 *     const scheduler = new Scheduler({ bridge: "127.0.0.1:50051", frameworkName: "example", frameworkInfo: { user: "me" } });
 *     for await (const event of scheduler.events()) {
 *       if (event.kind === "offers") await scheduler.declineOffers(event.offers.map((offer) => offer.id?.value ?? ""));
 *     }
 *
 * It attaches when `events` is read first, and again whenever the stream breaks. Calls wait for that.
 */
export class Scheduler extends SchedulerCalls {
  readonly #options: SchedulerOptions;
  readonly #bridges: Bridges;
  readonly #lifetime = new AbortController();
  readonly #queue: EventQueue<SchedulerEvent>;
  readonly #attachment: Attachment;
  readonly #acknowledger: Acknowledger;
  readonly #notices: Notices;
  /** Acknowledgements of updates that wait for the consumer, or are with it. */
  readonly #unhandled = new Set<string>();
  readonly #abort = () => this.#lifetime.abort();
  /** How many terms as the active standby the program has been told of. */
  #term = 0;
  #running: Promise<void> | undefined;
  #failure: BridgeError | undefined;
  protected override readonly context: CallContext;

  /** @throws OptionError for options that can't be used */
  constructor(options: SchedulerOptions) {
    super();
    this.#options = options;
    const { bridge: addresses, proxy, tls, token } = options;
    this.#bridges = new Bridges({ addresses, proxy, tls, token });
    this.#notices = new Notices(options.log ?? console.error, (options.suppressedRoles ?? []).length === 0);
    this.#queue = new EventQueue(options.maxBuffered ?? 10_000, (event) =>
      event.kind === "offers" ? Math.max(1, event.offers.length) : 1,
    );
    const { signal } = this.#lifetime;
    this.#attachment = new Attachment({
      bridges: this.#bridges,
      request: subscribeRequest(options),
      backoff: options.backoff ?? {},
      standby: options.standby ?? false,
      giveUpAfterMs: options.giveUpAfterMs ?? Number.POSITIVE_INFINITY,
      signal,
      deliver: (event) => this.#deliver(event),
    });
    const { frameworkName, deadlineMs = 30_000 } = options;
    const term = () => this.#term;
    this.context = { bridges: this.#bridges, attachment: this.#attachment, term, frameworkName, deadlineMs, signal };
    this.#acknowledger = new Acknowledger({
      send: (ackTokens, signal) => this.#sendAcknowledgements(ackTokens, signal),
      onRefused: (ackToken, error) => this.#queue.add({ kind: "acknowledgement-refused", ackToken, error }),
      signal,
    });
    options.signal?.addEventListener("abort", this.#abort);
    if (options.signal?.aborted) this.#abort();
  }

  /** True while the stream to the bridge stands, and this scheduler is the active one. */
  get attached(): boolean {
    return this.#attachment.id !== undefined;
  }

  /** How many acknowledgements the bridge has not confirmed yet. */
  get owedAcknowledgements(): number {
    return this.#acknowledger.owed;
  }

  /**
   * The events, in order. An update counts as handled, and is acknowledged, when the next event is asked for:
   * the one at which the loop is left is not. Ends after `close`, `teardown`, `closeSession` and `handOver`. Can be read
   * once.
   *
   * @throws BridgeError when someone else attached (unless `standby`), the framework is gone, or the bridge refuses
   */
  async *events(): AsyncGenerator<SchedulerEvent, void, undefined> {
    if (this.#running !== undefined) throw new Error("the events of a scheduler can be read only once");
    this.#running = this.#run();
    for (;;) {
      const event = await this.#queue.next();
      if (event === undefined) break;
      if (this.#options.standby && event.kind === "opened" && !event.resumed) this.#term++;
      yield event;
      if (event.kind === "update" || event.kind === "operation-update") await this.#handled(event.ackToken);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Detaches: the session and its tasks continue for the lease. First sends the pending acknowledgements.
   *
   * @param drainMs  how long to try that, in ms. Default 5,000
   */
  async close(drainMs = 5_000): Promise<void> {
    if (!this.#lifetime.signal.aborted && this.#failure === undefined) {
      await withDeadline(drainMs, [this.#lifetime.signal], async (signal) => {
        const late = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        await Promise.race([this.#acknowledger.drained(), late]);
      });
    }
    this.#lifetime.abort();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    this.#queue.end();
    await this.#running;
    this.#bridges.close();
  }

  async #run(): Promise<void> {
    try {
      await this.#attachment.run();
    } catch (error) {
      this.#failure = toBridgeError(error);
    } finally {
      // What is still owed can't be sent any more; the bridge's next snapshot brings those updates again.
      if (this.#failure !== undefined || this.#attachment.endedWell) this.#lifetime.abort();
      this.#notices.close();
      this.#queue.end();
    }
  }

  async #deliver(event: SchedulerEvent): Promise<void> {
    this.#notices.seen(event);
    if (event.kind === "update" || event.kind === "operation-update") {
      const { ackToken } = event;
      // A snapshot repeats what it does not know to be handled: what we have already must not come twice.
      if (ackToken !== undefined && (this.#unhandled.has(ackToken) || this.#acknowledger.has(ackToken))) return;
      if (ackToken !== undefined) this.#unhandled.add(ackToken);
    }
    await this.#queue.push(event);
  }

  async #sendAcknowledgements(ackTokens: string[], signal: AbortSignal): Promise<void> {
    await this.#options.beforeAcknowledging?.();
    try {
      await this.acknowledge(ackTokens, { signal });
    } catch (error) {
      // Once the session has ended no acknowledgement is refused: they just can't be sent any more.
      if (this.#attachment.ended) this.#lifetime.abort();
      throw error;
    }
  }

  async #handled(ackToken: string | undefined): Promise<void> {
    if (ackToken === undefined) return;
    this.#unhandled.delete(ackToken);
    if (this.#options.acknowledge === false) return;
    this.#acknowledger.add(ackToken);
    await this.#acknowledger.room();
  }
}

function subscribeRequest(options: SchedulerOptions): DeepPartial<SubscribeRequest> {
  const {
    frameworkName,
    frameworkInfo,
    leaseMs,
    expiry,
    suppressedRoles = [],
    offerConstraints,
    replaceRemoved,
    standby,
  } = options;
  return {
    frameworkName,
    frameworkInfo,
    lease: leaseMs === undefined ? undefined : duration(leaseMs),
    expiryPolicy: expiry === "teardown" ? ExpiryPolicy.EXPIRY_POLICY_TEARDOWN : ExpiryPolicy.EXPIRY_POLICY_DISCONNECT,
    suppressedRoles,
    offerConstraints,
    replaceRemoved: replaceRemoved ?? false,
    mode: standby ? SubscribeMode.SUBSCRIBE_MODE_STANDBY : SubscribeMode.SUBSCRIBE_MODE_UNSPECIFIED,
  };
}

function duration(ms: number): { seconds: bigint; nanos: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
