import { type Metadata, Status } from "nice-grpc";
import type {
  Resume,
  SessionEvent,
  SubscribeRequest,
  SubscribeResponse,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { Backoff, type BackoffOptions, pause } from "../../../wire/backoff.js";
import { PatientTimer } from "../../../wire/patientTimer.js";
import type { Bridges } from "./bridges.js";
import { withDeadline } from "./deadline.js";
import type { DeepPartial } from "./deepPartial.js";
import { BridgeError, helpsAttached, toBridgeError } from "./errors.js";
import { type OpenedEvent, type SchedulerEvent, type StandbyEvent, toStreamEvent } from "./events.js";

/** `Opened` comes at once from a bridge that is alive. */
const OPEN_TIMEOUT_MS = 15_000;
/** So many intervals without any event, and the stream counts as broken. */
const MISSED_PROGRESS = 3;
const DEFAULT_PROGRESS_INTERVAL_MS = 15_000;
/** A stream that lived that long was a good one: the next wait starts small again. */
const GOOD_STREAM_MS = 5_000;

/** A bridge that does not know standbys has just made this one active, in the place of another. */
const OLDER_BRIDGE = "the bridge does not know standby schedulers: update the bridge, or attach without standby";

export interface AttachmentOptions {
  bridges: Bridges;
  /** What to attach with; `resume` is added. */
  request: DeepPartial<SubscribeRequest>;
  /** Wait while another scheduler is active. */
  standby: boolean;
  backoff: BackoffOptions;
  /** Gives up when there was no good stream for so long, in ms. */
  giveUpAfterMs: number;
  signal: AbortSignal;
  /** Takes each event, and resolves when the next one may come. */
  deliver: (event: SchedulerEvent) => Promise<void>;
}

/** Keeps one Subscribe stream open: attaches, watches it, and attaches again after it broke. */
export class Attachment {
  readonly #options: AttachmentOptions;
  readonly #backoff: Backoff;
  #id: string | undefined;
  /** Whether the bridge has answered the stream with `Opened`. */
  #isOpen = false;
  /** Grows each time that this standby becomes active after another scheduler may have been. */
  #term = 0;
  #resume: Resume | undefined;
  /** Whether all of the snapshot came: a stream that broke before has to be asked for a whole one again. */
  #snapshotEnded = false;
  /** Sequence of the last event received: where the next one shows a gap. */
  #lastSequence = 0n;
  #progressIntervalMs = DEFAULT_PROGRESS_INTERVAL_MS;
  #aliveTime = Date.now();
  /** In a row, since the last stream that was opened. */
  #failures = 0;
  /** Whether this try has a fresh token because the last one was refused. */
  #tokenRefused = false;
  #end: { error: BridgeError | undefined } | undefined;
  #waiters = new Set<() => void>();

  constructor(options: AttachmentOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.backoff);
  }

  /** The attachment that may call; undefined while there is none. */
  get id(): string | undefined {
    return this.#id;
  }

  /**
   * Whether no other scheduler can have been active since the program was in that term. What it decides before its first
   * term has nothing to do with others.
   */
  isTerm(term: number): boolean {
    return this.#term === term || (this.#term === 1 && term === 0);
  }

  /** Set while the framework is being ended: its removal is then not an error. */
  endExpected = false;

  /** True once there is no attachment and will be none. */
  get ended(): boolean {
    return this.#end !== undefined;
  }

  /** True once the stream ended as it should: after a teardown, or because the session was closed. */
  get endedWell(): boolean {
    return this.#end !== undefined && this.#end.error === undefined;
  }

  /**
   * The attachment's id, once there is one other than `previous`.
   *
   * @throws BridgeError when there will be none any more, or `signal` aborts
   */
  async ready(signal: AbortSignal, previous?: string): Promise<string> {
    while (this.#id === undefined || this.#id === previous) {
      if (this.#end !== undefined) throw this.#end.error ?? new BridgeError(Status.CANCELLED, "the session has ended");
      if (signal.aborted) throw new BridgeError(Status.CANCELLED, "cancelled");
      await this.#somethingChanged(signal);
    }
    return this.#id;
  }

  /**
   * Runs until the session ends.
   *
   * @throws BridgeError that a new attachment can't fix, or the last one when it gives up
   */
  async run(): Promise<void> {
    let error: BridgeError | undefined;
    try {
      while (!this.#options.signal.aborted) {
        const broken = await this.#readStream();
        this.#isOpen = false;
        this.#setId(undefined);
        if (broken === undefined || this.#options.signal.aborted) return;
        if (this.endExpected && broken.reason === "FRAMEWORK_REMOVED") return;
        if (await this.#takesFreshToken(broken)) continue;
        error = this.#isFinal(broken) ? broken : undefined;
        if (error !== undefined) throw error;
        await this.#waitToRetry(broken);
      }
    } finally {
      this.#end = { error };
      this.#setId(undefined);
    }
  }

  #isFinal(error: BridgeError): boolean {
    // A standby that was superseded waits for its turn again.
    const helps = error.retryable || (this.#options.standby && helpsAttached(error));
    return !helps || Date.now() - this.#aliveTime > this.#options.giveUpAfterMs;
  }

  /** After a token that is refused, one try with a fresh one. */
  async #takesFreshToken(error: BridgeError): Promise<boolean> {
    if (error.code !== Status.UNAUTHENTICATED || !this.#options.bridges.hasFreshTokens || this.#tokenRefused)
      return false;
    this.#tokenRefused = true;
    await this.#options.deliver({ kind: "detached", error, attempt: ++this.#failures, retryInMs: 0 });
    return true;
  }

  async #waitToRetry(error: BridgeError): Promise<void> {
    const isNextFresh = this.#options.bridges.failed(error);
    const retryInMs = isNextFresh ? 0 : Math.max(this.#backoff.next(), error.retryDelayMs ?? 0);
    await this.#options.deliver({ kind: "detached", error, attempt: ++this.#failures, retryInMs });
    await pause(retryInMs, this.#options.signal);
  }

  /** Reads one stream to its end. Gives the error that broke it; undefined when the bridge ended it as asked. */
  async #readStream(): Promise<BridgeError | undefined> {
    const stream = new AbortController();
    const abort = () => stream.abort();
    this.#options.signal.addEventListener("abort", abort);
    let trailer: Metadata | undefined;
    const started = Date.now();
    try {
      const request = { ...this.#options.request, ...(this.#snapshotEnded && { resume: this.#resume }) };
      const responses = this.#options.bridges.client.subscribe(request, {
        signal: stream.signal,
        onTrailer: (metadata) => {
          trailer = metadata;
        },
      });
      await this.#readResponses(responses[Symbol.asyncIterator](), stream);
      return undefined;
    } catch (error) {
      const broken = toBridgeError(error, trailer);
      if (this.#isOpen || this.#options.signal.aborted) return broken;
      return await this.#options.bridges.explained(broken, this.#options.signal);
    } finally {
      this.#options.signal.removeEventListener("abort", abort);
      abort();
      if (this.#isOpen) {
        this.#aliveTime = Date.now();
        if (Date.now() - started > GOOD_STREAM_MS) this.#noteGoodStream();
      }
    }
  }

  #noteGoodStream(): void {
    this.#backoff.reset();
    this.#options.bridges.served();
  }

  async #readResponses(responses: AsyncIterator<SubscribeResponse>, stream: AbortController): Promise<void> {
    let patienceMs = OPEN_TIMEOUT_MS;
    for (;;) {
      const next = await watched(responses, patienceMs, () => stream.abort());
      if (next.done) return;
      for (const event of next.value.events) await this.#take(event, stream.signal);
      patienceMs = MISSED_PROGRESS * this.#progressIntervalMs;
    }
  }

  async #take(event: SessionEvent, signal: AbortSignal): Promise<void> {
    const seen = toStreamEvent(event);
    if (seen?.kind === "standby") return await this.#standBy(seen);
    if (seen?.kind === "opened") {
      if (this.#options.standby) await this.#promoted(event, seen, signal);
      this.#open(seen);
      await this.#options.deliver({ ...seen, failures: this.#failures });
      this.#failures = 0;
      return;
    }
    // One that waits is told nothing of the session.
    if (this.#id === undefined) {
      this.#tokenRefused = false;
      return;
    }
    await this.#advance(event);
    if (seen?.kind === "snapshot-end") this.#snapshotEnded = true;
    if (seen !== undefined) await this.#options.deliver(seen);
  }

  async #standBy(event: StandbyEvent): Promise<void> {
    this.#isOpen = true;
    this.#progressIntervalMs = event.progressIntervalMs || DEFAULT_PROGRESS_INTERVAL_MS;
    await this.#options.deliver({ ...event, failures: this.#failures });
    this.#failures = 0;
  }

  /** It is active once the bridge knows that it is there. @throws BridgeError */
  async #promoted(event: SessionEvent, { attachmentId, resumed }: OpenedEvent, signal: AbortSignal): Promise<void> {
    if (event.event?.$case !== "promoted") throw new BridgeError(Status.UNIMPLEMENTED, OLDER_BRIDGE);
    await this.#confirm(attachmentId, signal);
    if (!resumed) this.#term++;
  }

  async #confirm(attachmentId: string, streamSignal: AbortSignal): Promise<void> {
    const { frameworkName } = this.#options.request;
    let trailer: Metadata | undefined;
    await withDeadline(OPEN_TIMEOUT_MS, [streamSignal], async (signal, expired) => {
      try {
        const onTrailer = (metadata: Metadata) => {
          trailer = metadata;
        };
        const request = { header: { frameworkName, attachmentId } };
        await this.#options.bridges.client.confirmPromotion(request, { signal, onTrailer });
      } catch (cause) {
        if (!expired()) throw toBridgeError(cause, trailer);
        const text = `no answer to the confirmation of the promotion within ${OPEN_TIMEOUT_MS / 1000} s`;
        throw new BridgeError(Status.UNAVAILABLE, text);
      }
    });
  }

  #open({ attachmentId, sequence, resumed, progressIntervalMs }: OpenedEvent): void {
    this.#isOpen = true;
    this.#progressIntervalMs = progressIntervalMs || DEFAULT_PROGRESS_INTERVAL_MS;
    this.#tokenRefused = false;
    if (!resumed) this.#lastSequence = sequence;
    this.#snapshotEnded = resumed;
    this.#resume = { attachmentId, afterSequence: resumed ? (this.#resume?.afterSequence ?? 0n) : sequence };
    this.#setId(attachmentId);
  }

  /** Notes how far the stream was read. Pieces of an event count only with the last one: a resumption needs them all. */
  async #advance({ sequence, fragment }: SessionEvent): Promise<void> {
    const missing = sequence - this.#lastSequence - 1n;
    if (missing > 0n) await this.#options.deliver({ kind: "gap", missing });
    this.#lastSequence = sequence;
    if (this.#resume !== undefined && !fragment) this.#resume = { ...this.#resume, afterSequence: sequence };
  }

  #setId(id: string | undefined): void {
    this.#id = id;
    for (const wake of this.#waiters) wake();
  }

  async #somethingChanged(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        this.#waiters.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      this.#waiters.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

/** The next response. When none comes for `patienceMs`, the stream is aborted and counts as broken. */
async function watched<T>(
  responses: AsyncIterator<T>,
  patienceMs: number,
  abort: () => void,
): Promise<IteratorResult<T>> {
  let silent = false;
  const timer = new PatientTimer(() => {
    silent = true;
    abort();
  });
  timer.start(patienceMs);
  try {
    return await responses.next();
  } catch (error) {
    if (!silent) throw error;
    throw new BridgeError(Status.UNAVAILABLE, `no sign of life from the bridge for ${patienceMs / 1000} s`);
  } finally {
    timer.stop();
  }
}
