import { setTimeout as sleep } from "node:timers/promises";
import { type Call, type Event, Event_Type } from "../../gen/mesos/v1/executor/executor.js";
import { PatientTimer } from "../../wire/patientTimer.js";
import { type AgentClient, AgentRefusal } from "./agentClient.js";
import type { ExecutorEnvironment } from "./environment.js";

/** As Mesos's own executors: SUBSCRIBE is repeated every second until the agent takes it. */
const SUBSCRIBE_RETRY_MS = 1_000;
/** An agent destroys an executor that has not subscribed within --executor_registration_timeout, 1 min. */
const FIRST_SUBSCRIPTION_MS = 60_000;
/** The first event follows the stream's start at once. */
const FIRST_EVENT_TIMEOUT_MS = 15_000;

export interface SubscriptionHandlers {
  /** Builds the SUBSCRIBE call, with what is unacknowledged at this moment. */
  subscribeCall(): Call;
  /** Every event, SUBSCRIBED included. */
  onEvent(event: Event): void;
  /** The stream broke after it had stood. */
  onDisconnected(reason: string): void;
  log(line: string): void;
}

/** Why a subscription is over for good. */
export type SubscriptionEnd =
  | { kind: "refused"; message: string }
  | { kind: "disconnected"; message: string }
  | { kind: "closed"; message: string };

/**
 * Keeps an executor subscribed: retries until the agent takes the subscription, and after a
 * disconnection does what Mesos's library does. Without checkpointing the executor is over; with it the
 * agent is looked for at random intervals up to half of MESOS_SUBSCRIPTION_BACKOFF_MAX, for MESOS_RECOVERY_TIMEOUT.
 */
export class Subscription {
  readonly #client: AgentClient;
  readonly #environment: ExecutorEnvironment;
  readonly #handlers: SubscriptionHandlers;
  #attempt = new AbortController();

  constructor(client: AgentClient, environment: ExecutorEnvironment, handlers: SubscriptionHandlers) {
    this.#client = client;
    this.#environment = environment;
    this.#handlers = handlers;
  }

  /** Drops the present stream, as if the agent had. */
  drop(reason: unknown): void {
    this.#attempt.abort(reason);
  }

  /** Resolves when the subscription is over for good; `signal` closes it. */
  async hold(signal: AbortSignal): Promise<SubscriptionEnd> {
    let everStood = false;
    let deadline = Date.now() + FIRST_SUBSCRIPTION_MS;
    for (;;) {
      const outcome = await this.#subscribeOnce(signal);
      if (signal.aborted) return { kind: "closed", message: "closed" };
      if (outcome.stood) {
        everStood = true;
        this.#handlers.onDisconnected(outcome.reason);
        if (!this.#environment.checkpoint) return { kind: "disconnected", message: `agent lost: ${outcome.reason}` };
        deadline = Date.now() + this.#environment.recoveryTimeoutMs;
      } else if (outcome.final) {
        return { kind: "refused", message: outcome.reason };
      }
      const delay =
        everStood && !outcome.answered
          ? reconnectionDelayMs(this.#environment.subscriptionBackoffMaxMs, Math.random())
          : SUBSCRIBE_RETRY_MS;
      if (Date.now() + delay > deadline) {
        return {
          kind: "disconnected",
          message: `no subscription within ${everStood ? "MESOS_RECOVERY_TIMEOUT" : "1 min"}: ${outcome.reason}`,
        };
      }
      await sleep(delay, undefined, { signal }).catch(() => {});
    }
  }

  async #subscribeOnce(signal: AbortSignal): Promise<Outcome> {
    this.#attempt = new AbortController();
    const attempt = this.#attempt.signal;
    const close = () => this.drop(signal.reason);
    signal.addEventListener("abort", close, { once: true });
    if (signal.aborted) close();
    let stood = false;
    const silence = new PatientTimer(() => this.drop(new Error("the agent took the subscription and sent nothing")));
    silence.start(FIRST_EVENT_TIMEOUT_MS);
    const onEvent = (event: Event) => {
      // What comes in the same chunk behind an event that closed this stream is nobody's any more.
      if (attempt.aborted) return;
      silence.stop();
      stood ||= event.type === Event_Type.SUBSCRIBED;
      this.#handlers.onEvent(event);
    };
    try {
      await this.#client.subscribe(this.#handlers.subscribeCall(), onEvent, attempt);
      return { stood, final: false, answered: false, reason: "the agent ended the stream" };
    } catch (error) {
      const reason = describe(this.#attempt.signal.aborted ? this.#attempt.signal.reason : error);
      if (!(error instanceof AgentRefusal)) {
        if (!stood && !signal.aborted) this.#handlers.log(`not subscribed yet: ${reason}`);
        return { stood, final: false, answered: false, reason };
      }
      if (error.starting) this.#handlers.log(`not subscribed yet: ${reason}`);
      return { stood, final: !error.starting, answered: true, reason };
    } finally {
      silence.stop();
      signal.removeEventListener("abort", close);
    }
  }
}

/**
 * A random time, so that the executors of an agent do not come all at once. A restarted agent waits for them for
 * MESOS_SUBSCRIPTION_BACKOFF_MAX and ends those that come later: half of that leaves time to connect.
 *
 * @param random from 0 to 1
 */
export function reconnectionDelayMs(backoffMaxMs: number, random: number): number {
  return (random * backoffMaxMs) / 2;
}

interface Outcome {
  /** SUBSCRIBED had come. */
  stood: boolean;
  /** The agent will not change its mind. */
  final: boolean;
  /** The agent is there, it just does not take the subscription. */
  answered: boolean;
  reason: string;
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  return code && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
}
