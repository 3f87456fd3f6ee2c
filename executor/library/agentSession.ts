import { Call, Call_Type, type Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { FrameworkInfo_Capability_Type as Capability, type TaskStatus } from "../../gen/mesos/v1/mesos.js";
import { AgentClient } from "./agentClient.js";
import { CallQueue } from "./callQueue.js";
import type { ExecutorEnvironment } from "./environment.js";
import { Subscription, type SubscriptionEnd } from "./subscription.js";
import { UpdateLedger } from "./updateLedger.js";

/** As Mesos's own library: a sign of life every 30 min, for what closes idle connections on the way. */
const HEARTBEAT_MS = 30 * 60_000;

export interface SessionHandlers {
  /** The subscription stands: for the first time, or again. */
  onSubscribed(): void;
  /** It broke after it had stood. */
  onDisconnected(reason: string): void;
  /** What the agent wants of the executor, and acknowledgements, which the session has noted by then. */
  onEvent(event: Event): void;
  /** Takes lines for the log. */
  log(line: string): void;
}

/**
 * An executor and its agent, on Mesos's v1 executor API: holds the subscription, sends updates until the agent has
 * acknowledged them, and names in each SUBSCRIBE what it has not.
 */
export class AgentSession {
  readonly #environment: ExecutorEnvironment;
  readonly #handlers: SessionHandlers;
  readonly #client: AgentClient;
  readonly #calls: CallQueue;
  readonly #subscription: Subscription;
  readonly #ledger = new UpdateLedger();
  #knowsKilling = false;
  /** Updates that the SUBSCRIBE under way names. */
  #named = new Set<unknown>();

  constructor(environment: ExecutorEnvironment, handlers: SessionHandlers) {
    this.#environment = environment;
    this.#handlers = handlers;
    this.#client = new AgentClient(environment);
    const log = (line: string) => this.log(line);
    this.#subscription = new Subscription(this.#client, environment, {
      subscribeCall: () => this.#subscribeCall(),
      onEvent: (event) => this.#onEvent(event),
      onDisconnected: (reason) => this.#onDisconnected(reason),
      log,
    });
    this.#calls = new CallQueue(this.#client, (error) => this.#subscription.drop(error), log);
  }

  /** Whether the framework knows TASK_KILLING, as it said when the subscription last began. */
  get knowsKilling(): boolean {
    return this.#knowsKilling;
  }

  /** How many updates the agent has not acknowledged. */
  get unacknowledged(): number {
    return this.#ledger.size;
  }

  /** Hands a line to the log, without secrets of the executor. */
  log(line: string): void {
    this.#handlers.log(this.#client.secrets.redact(line));
  }

  /** Resolves when the subscription is over for good; `signal` closes it. To be called once. */
  async hold(signal: AbortSignal): Promise<SubscriptionEnd> {
    const heartbeat = setInterval(() => this.#calls.push(this.#call({ type: Call_Type.HEARTBEAT })), HEARTBEAT_MS);
    try {
      return await this.#subscription.hold(signal);
    } finally {
      clearInterval(heartbeat);
      this.#calls.close();
      await this.#client.close();
    }
  }

  /** Sends an update, which has a uuid of its own, now or with the next subscription. */
  update(status: TaskStatus): void {
    const update = this.#ledger.addUpdate(status);
    this.#calls.push(this.#call({ type: Call_Type.UPDATE, update }));
  }

  /** Sends a message to the framework, best effort. False when it was dropped because too many wait for the agent. */
  message(data: Buffer): boolean {
    return this.#calls.push(this.#call({ type: Call_Type.MESSAGE, message: { data } }));
  }

  /** Resolves when no update waits for its acknowledgement, or after `timeoutMs`, or when `signal` is aborted. */
  async untilAcknowledged(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    await this.#ledger.untilEmpty(timeoutMs, signal);
  }

  /** Resolves when all has been read that the agent had written before it got this call, or when it can't be reached. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.#client.send(this.#call({ type: Call_Type.HEARTBEAT }), "HEARTBEAT", signal).catch(() => {});
    for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #call(fields: Partial<Call>): Call {
    const { executorId, frameworkId } = this.#environment;
    return Call.create({ ...fields, executorId: { value: executorId }, frameworkId: { value: frameworkId } });
  }

  #subscribeCall(): Call {
    const subscribe = this.#ledger.snapshot();
    this.#named = new Set(subscribe.unacknowledgedUpdates);
    return this.#call({ type: Call_Type.SUBSCRIBE, subscribe });
  }

  #onEvent(event: Event): void {
    this.#ledger.note(event);
    if (event.type === Event_Type.SUBSCRIBED) this.#onSubscribed(event);
    else if (event.type === Event_Type.ERROR) this.log(`the agent reports an error: ${event.error?.message}`);
    else this.#handlers.onEvent(event);
  }

  #onSubscribed(event: Event): void {
    const capabilities = event.subscribed?.frameworkInfo?.capabilities ?? [];
    this.#knowsKilling = capabilities.some(({ type }) => type === Capability.TASK_KILLING_STATE);
    // What came up after SUBSCRIBE was sent is neither in that call nor in the queue.
    const later = this.#ledger.snapshot().unacknowledgedUpdates.filter((update) => !this.#named.has(update));
    this.#calls.open(later.map((update) => this.#call({ type: Call_Type.UPDATE, update })));
    this.#handlers.onSubscribed();
  }

  #onDisconnected(reason: string): void {
    this.#calls.close();
    this.#handlers.onDisconnected(reason);
  }
}
