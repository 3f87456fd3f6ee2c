import { randomUUID } from "node:crypto";
import { type CallOptions, type Metadata, Status } from "nice-grpc";
import type {
  AcceptOffersRequest,
  CallHeader,
  CallRequest,
  CallResult,
  CallsRequest,
  GetStateResponse,
  KillTaskRequest,
  LaunchTasksRequest,
  ReconcileTasksRequest,
  SchedulerServiceClient,
  SendMessageRequest,
  StateEntry,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { Backoff, pause } from "../../../wire/backoff.js";
import type { Attachment } from "./attachment.js";
import type { Bridges } from "./bridges.js";
import { withDeadline } from "./deadline.js";
import type { DeepPartial } from "./deepPartial.js";
import { BridgeError, helpsAttached, toBridgeError } from "./errors.js";

/** How one call is made. */
export interface CallSettings {
  /** When to give up, in ms, including the wait for an attachment and retries. Default: the scheduler's. */
  deadlineMs?: number;
  /** Gives up when it aborts. */
  signal?: AbortSignal;
  /** Makes your own retries safe: a call with the same id within 10 minutes is not made twice. Default: a new id per call. */
  requestId?: string;
}

/** What a launch did beside launching. */
export interface Launched {
  /** The version of the keys that `state` has written; 0 if it has written none. */
  readonly stateVersion: bigint;
}

/** When a key of the state is changed. */
export interface StateSettings extends CallSettings {
  /** Change nothing unless the key has this version; 0: unless there is no such key. Default: whatever there is. */
  ifVersion?: bigint;
}

type Body<T> = Omit<DeepPartial<T>, "header">;
type Send<T> = (client: SchedulerServiceClient, header: CallHeader, options: CallOptions) => Promise<T>;

/** What a call needs. */
export interface CallContext {
  bridges: Bridges;
  attachment: Attachment;
  /** The term of the last `opened` that the program was handed; 0 before the first. */
  term: () => number;
  frameworkName: string;
  deadlineMs: number;
  signal: AbortSignal;
}

/**
 * All calls of the bridge. Each waits for an attachment, is retried if that is safe (no master, broken connection, new
 * attachment), and fails with a BridgeError. If it succeeds, the Mesos master has accepted the call.
 */
export abstract class SchedulerCalls {
  protected abstract readonly context: CallContext;

  /**
   * Launches tasks on offers of one agent. Unused resources are declined. `cookies` are bytes of your own by task id:
   * they come back in the `tasks` events of each snapshot until the task's end is acknowledged. At most 512 KiB per call.
   * `state` are changes of the framework's state, in one commit with the tasks. A bridge that can't keep them refuses the
   * launch, which is retried.
   *
   * @throws BridgeError `OFFER_GONE`, `STATE_CHANGED`: nothing was launched. With `outcomeUnknown`: reconcile before
   *   launching again
   */
  async launchTasks(request: Body<LaunchTasksRequest>, settings?: CallSettings): Promise<Launched> {
    return this.#once((client, header, options) => client.launchTasks({ ...request, header }, options), settings);
  }

  /**
   * Accepts offers of one agent with any operations. Unused resources are declined. `cookies` and `state` as for
   * `launchTasks`.
   *
   * @throws BridgeError as `launchTasks`
   */
  async acceptOffers(request: Body<AcceptOffersRequest>, settings?: CallSettings): Promise<Launched> {
    return this.#once((client, header, options) => client.acceptOffers({ ...request, header }, options), settings);
  }

  /**
   * Declines offers. Offers that are already gone do no harm.
   *
   * @param refuseSeconds  how long to refuse these resources. Default 5 s, as in Mesos
   */
  async declineOffers(offerIds: readonly string[], refuseSeconds?: number, settings?: CallSettings): Promise<void> {
    if (offerIds.length === 0) return;
    const request = { offerIds: offerIds.map((value) => ({ value })), filters: { refuseSeconds } };
    await this.#repeatedly(
      (client, header, options) => client.declineOffers({ ...request, header }, options),
      settings,
    );
  }

  /** Asks for offers again, and clears the filters of earlier declines. Without roles: for all of them. */
  async reviveOffers(roles: readonly string[] = [], settings?: CallSettings): Promise<void> {
    const send: Send<unknown> = (client, header, options) =>
      client.reviveOffers({ roles: [...roles], header }, options);
    await this.#repeatedly(send, settings);
  }

  /** Stops offers until `reviveOffers`. Open offers stay open. */
  async suppressOffers(roles: readonly string[] = [], settings?: CallSettings): Promise<void> {
    const send: Send<unknown> = (client, header, options) =>
      client.suppressOffers({ roles: [...roles], header }, options);
    await this.#repeatedly(send, settings);
  }

  /** Asks Mesos to kill a task. The result is an update. */
  async killTask(request: Body<KillTaskRequest>, settings?: CallSettings): Promise<void> {
    await this.#repeatedly((client, header, options) => client.killTask({ ...request, header }, options), settings);
  }

  /** Asks for the state of tasks; without any, of all that Mesos knows. The answers are updates. */
  async reconcileTasks(tasks: Body<ReconcileTasksRequest>["tasks"] = [], settings?: CallSettings): Promise<void> {
    await this.#repeatedly((client, header, options) => client.reconcileTasks({ tasks, header }, options), settings);
  }

  /** Sends bytes to an executor. Mesos may drop them. */
  async sendMessage(request: Body<SendMessageRequest>, settings?: CallSettings): Promise<void> {
    await this.#once((client, header, options) => client.sendMessage({ ...request, header }, options), settings);
  }

  /** Acknowledges updates, in the order given. Use it only if you turned `acknowledge` off. */
  async acknowledge(ackTokens: readonly string[], settings?: CallSettings): Promise<void> {
    if (ackTokens.length === 0) return;
    const send: Send<unknown> = (client, header, options) =>
      client.acknowledge({ ackTokens: [...ackTokens], header }, options);
    await this.#repeatedly(send, settings);
  }

  /**
   * Reads a key of the framework's state, which is on the bridge's disk: bytes of your own that the next instance of the
   * scheduler needs. Undefined if there is no such key.
   */
  async getState(key: string, settings?: CallSettings): Promise<StateEntry | undefined> {
    const send: Send<GetStateResponse> = (client, header, options) => client.getState({ key, header }, options);
    return (await this.#repeatedly(send, settings)).entry;
  }

  /**
   * Writes a key of the framework's state, and returns its version. Once it returns, the value is on the bridge's disk.
   *
   * @param key    1 to 255 letters, digits and characters of `._-:/`
   * @param value  at most 512 KiB
   * @throws BridgeError `STATE_CHANGED`: the key has another version than `ifVersion`. `ATTACHMENT_SUPERSEDED`: another
   *   scheduler may have been active since your last `opened`. With `outcomeUnknown`: it may have been written; read it
   */
  async putState(key: string, value: Uint8Array, settings: StateSettings = {}): Promise<bigint> {
    const request = { key, value: asBuffer(value), ifVersion: settings.ifVersion };
    const { version } = await this.#inOneTerm(
      (client, header, options) => client.putState({ ...request, header }, options),
      settings,
    );
    return version;
  }

  /** Deletes a key of the framework's state, if it is there. Errors as of `putState`. */
  async deleteState(key: string, settings: StateSettings = {}): Promise<void> {
    const request = { key, ifVersion: settings.ifVersion };
    await this.#inOneTerm((client, header, options) => client.deleteState({ ...request, header }, options), settings);
  }

  /** Reads all keys of the framework's state that begin with `prefix`, in order. The settings are those of each page. */
  async *listState(prefix = "", settings?: CallSettings): AsyncGenerator<StateEntry> {
    let pageToken = "";
    do {
      const request = { prefix, pageToken, pageSize: STATE_PAGE };
      const { entries, nextPageToken } = await this.#repeatedly(
        (client, header, options) => client.listState({ ...request, header }, options),
        settings,
      );
      yield* entries;
      pageToken = nextPageToken;
    } while (pageToken !== "");
  }

  /** Ends the framework: Mesos kills its tasks, and the bridge deletes its state. The events end. */
  async teardown(settings?: CallSettings): Promise<void> {
    await this.#ending((client, header, options) => client.teardown({ header }, options), settings);
  }

  /** Ends the session and leaves the framework to Mesos, for its failover timeout. The events end. */
  async closeSession(settings?: CallSettings): Promise<void> {
    await this.#ending((client, header, options) => client.closeSession({ header }, options), settings);
  }

  /**
   * Lets the standby that has waited longest take over. The events end. Without one, the lease begins, as after `close`.
   */
  async handOver(settings?: CallSettings): Promise<void> {
    await this.#ending((client, header, options) => client.closeSession({ header, handover: true }, options), settings);
  }

  /** Sends any Mesos call except SUBSCRIBE. */
  async call(call: DeepPartial<CallRequest>["call"], settings?: CallSettings): Promise<void> {
    await this.#once((client, header, options) => client.call({ call, header }, options), settings);
  }

  /**
   * Sends many calls of Mesos in order, without waiting for each. A call that fails is a result with its code.
   * A broken stream is not repaired: calls that it had not answered have an unknown outcome.
   */
  async *pipeline(
    requests: AsyncIterable<Body<CallsRequest>>,
    settings: Pick<CallSettings, "signal"> = {},
  ): AsyncGenerator<CallResult> {
    const { bridges, attachment, frameworkName, signal: ownSignal } = this.context;
    const signal = settings.signal === undefined ? ownSignal : AbortSignal.any([ownSignal, settings.signal]);
    const attachmentId = await attachment.ready(signal);
    async function* withHeaders() {
      for await (const request of requests) {
        yield { ...request, header: { frameworkName, attachmentId, requestId: randomUUID() } };
      }
    }
    let trailer: Metadata | undefined;
    const onTrailer = (metadata: Metadata) => {
      trailer = metadata;
    };
    try {
      for await (const { results } of bridges.client.calls(withHeaders(), { signal, onTrailer })) yield* results;
    } catch (error) {
      throw toBridgeError(error, trailer);
    }
  }

  /** For what does no harm when Mesos gets it twice. */
  #repeatedly<T>(send: Send<T>, settings: CallSettings = {}): Promise<T> {
    return this.#invoke(send, settings, false, (error) => error.reason === "OUTCOME_UNKNOWN");
  }

  /** The same for what only the scheduler may do that was active when it decided to. */
  #inOneTerm<T>(send: Send<T>, settings: CallSettings): Promise<T> {
    return this.#invoke(send, settings, true, (error) => error.reason === "OUTCOME_UNKNOWN");
  }

  /**
   * For what Mesos must not get twice: an outcome that is not known ends the call, and so does another scheduler that may
   * have been active since it began.
   */
  #once<T>(send: Send<T>, settings: CallSettings = {}): Promise<T> {
    return this.#invoke(send, settings, true, () => false);
  }

  /** For what ends the session: once a try went out, finding that the session has ended means that it worked. */
  async #ending(send: Send<unknown>, settings: CallSettings = {}): Promise<void> {
    const { attachment } = this.context;
    let tried = false;
    try {
      await this.#repeatedly(async (client, header, options) => {
        attachment.endExpected = true;
        await send(client, header, options).catch((error) => {
          tried = true;
          throw error;
        });
      }, settings);
    } catch (error) {
      attachment.endExpected = false;
      if (tried && attachment.endedWell) return;
      throw error;
    }
  }

  #invoke<T>(
    send: Send<T>,
    settings: CallSettings,
    inOneTerm: boolean,
    repeatable: (error: BridgeError) => boolean,
  ): Promise<T> {
    const deadlineMs = settings.deadlineMs ?? this.context.deadlineMs;
    return withDeadline(deadlineMs, [this.context.signal, settings.signal], async (signal, expired) => {
      const attempt = new Attempt(this.context, send, settings.requestId ?? randomUUID(), inOneTerm);
      for (;;) {
        const made = await attempt.make(signal);
        if (made.error === undefined) return made.response;
        const { error } = made;
        const fresh = attempt.takesFreshToken(error);
        const again = error.retryable || helpsAttached(error) || repeatable(error) || fresh;
        if (expired() && error.code === Status.CANCELLED) throw late(attempt, deadlineMs);
        if (!again || signal.aborted || attempt.isHopeless) throw attempt.verdict(error);
        if (error.reason === "OUTCOME_UNKNOWN") attempt.requestId = randomUUID();
        if (!helpsAttached(error) && !fresh) await attempt.wait(error, signal);
      }
    });
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Entries that are read at a time. */
const STATE_PAGE = 1_000;

/** What came of a try. */
type Made<T> = { readonly error: BridgeError } | { readonly error: undefined; readonly response: T };

/** One call, tried once or more. */
class Attempt<T> {
  readonly #context: CallContext;
  readonly #send: Send<T>;
  readonly #backoff = new Backoff({ initialMs: 100, maxMs: 2_000 });
  /** The attachment whose call was refused: only another one can help. */
  #staleId: string | undefined;
  #tokenRefused = false;
  readonly #inOneTerm: boolean;
  /** In which term its caller decided on it. */
  readonly #term: number;
  requestId: string;
  /** True when an earlier try may have reached Mesos. */
  maybeSent = false;
  /** True when there is no attachment and will be none. */
  isHopeless = false;
  /** What the last try that came to an end got. */
  lastError: BridgeError | undefined;

  /** @param inOneTerm whether it ends once another scheduler may have been active */
  constructor(context: CallContext, send: Send<T>, requestId: string, inOneTerm: boolean) {
    this.#context = context;
    this.#send = send;
    this.requestId = requestId;
    this.#inOneTerm = inOneTerm;
    this.#term = context.term();
  }

  /** Tries once. */
  async make(signal: AbortSignal): Promise<Made<T>> {
    const { bridges, attachment, frameworkName } = this.#context;
    let trailer: Metadata | undefined;
    const onTrailer = (metadata: Metadata) => {
      trailer = metadata;
    };
    let attachmentId: string;
    try {
      attachmentId = await attachment.ready(signal, this.#staleId);
    } catch (error) {
      this.isHopeless = true;
      return { error: toBridgeError(error) };
    }
    if (signal.aborted) return { error: new BridgeError(Status.CANCELLED, "cancelled") };
    if (this.#inOneTerm && !attachment.isTerm(this.#term)) {
      this.isHopeless = true;
      return { error: othersActive() };
    }
    try {
      const header = { frameworkName, attachmentId, requestId: this.requestId };
      return { error: undefined, response: await this.#send(bridges.client, header, { signal, onTrailer }) };
    } catch (cause) {
      const error = toBridgeError(cause, trailer);
      if (error.outcomeUnknown) this.maybeSent = true;
      if (helpsAttached(error)) this.#staleId = attachmentId;
      if (!signal.aborted) this.lastError = error;
      return { error };
    }
  }

  /** Whether the next try is made because it has another token. Once: if that is refused too, the caller is. */
  takesFreshToken({ code }: BridgeError): boolean {
    if (code !== Status.UNAUTHENTICATED || !this.#context.bridges.hasFreshTokens || this.#tokenRefused) return false;
    this.#tokenRefused = true;
    return true;
  }

  async wait(error: BridgeError, signal: AbortSignal): Promise<void> {
    await pause(Math.max(this.#backoff.next(), error.retryDelayMs ?? 0), signal);
  }

  /** A clear refusal after a try that got no answer says nothing about that try. */
  verdict(error: BridgeError): BridgeError {
    if (!this.maybeSent || error.outcomeUnknown) return error;
    const text = `an earlier try of this call got no answer, then: ${error.message}`;
    return new BridgeError(Status.UNAVAILABLE, text, { reason: "OUTCOME_UNKNOWN", cause: error });
  }
}

function othersActive(): BridgeError {
  const text = "another scheduler may have been active since this call began: look at the snapshot, and decide anew";
  return new BridgeError(Status.FAILED_PRECONDITION, text, { reason: "ATTACHMENT_SUPERSEDED" });
}

function late({ maybeSent, lastError }: Attempt<unknown>, deadlineMs: number): BridgeError {
  const why = lastError === undefined ? "" : `: ${lastError.message}`;
  // If no attempt can have reached Mesos, the reason says that nothing was sent.
  const reason = maybeSent ? "OUTCOME_UNKNOWN" : "NOT_SENT";
  const details = { reason, cause: lastError };
  return new BridgeError(Status.DEADLINE_EXCEEDED, `no answer within ${deadlineMs / 1000} s${why}`, details);
}
