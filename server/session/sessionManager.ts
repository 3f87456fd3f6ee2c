import { RunningTime } from "../../wire/runningTime.js";
import type { Attachment, AttachmentSink } from "./attachment.js";
import { type AttachRequest, attachOptions, clientOf } from "./attachRequest.js";
import { CallBudget } from "./callBudget.js";
import { CallGate } from "./callGate.js";
import { CallLog } from "./callLog.js";
import { BridgeError, shuttingDown, tooManyFrameworks } from "./errors.js";
import { FrameworkRecords } from "./frameworkRecords.js";
import type { FrameworkRecord } from "./frameworkStore.js";
import { Promotions } from "./promotions.js";
import type { RecordWriter } from "./recordWriter.js";
import { RestoreError } from "./restoreError.js";
import { sameRecord } from "./sameRecord.js";
import { Session } from "./session.js";
import { SessionCounts } from "./sessionCounts.js";
import type { SessionOptions } from "./sessionOptions.js";
import { SortedKeys } from "./sortedKeys.js";
import { type Surroundings, surroundings } from "./surroundings.js";
import { type Wish, Wishes } from "./wishes.js";

export interface SessionManagerOptions extends Omit<SessionOptions, "counts">, Partial<Surroundings> {
  /** Where sessions count what happens in them. Default: its own. */
  readonly counts?: SessionCounts;
  /** As of now: it may change. Default: 60,000. */
  readonly defaultLeaseMs?: () => number;
  /**
   * Sessions at a time, as of now: it may change. Those that the store remembers, or that are open, stay even if they are
   * more. Default: any number.
   */
  readonly maxFrameworks?: () => number;
}

/** A client's attachment, and the session that it is attached to. */
export interface Attached {
  readonly session: Session;
  readonly attachment: Attachment;
}

/** A framework that has a session, or that the store remembers. */
export interface KnownFramework {
  readonly record: FrameworkRecord;
  readonly session: Session | undefined;
}

/** Holds the sessions of all frameworks. */
export class SessionManager {
  /** What happened in all sessions. */
  readonly counts: SessionCounts;
  readonly #options: SessionManagerOptions & SessionOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #records: FrameworkRecords;
  readonly #wishes: Wishes;
  readonly #promotions: Promotions;
  /** The names of the sessions, in order. */
  #openNames = new SortedKeys();
  /** Sessions whose link is being closed, or whose end is being stored, and their names. */
  readonly #closing = new Map<Promise<void>, string>();
  /** The last attach of each name: attaches of one framework take their turns. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Sessions that are about to be opened. */
  #opening = 0;
  readonly #gate: CallGate;
  readonly #callBudget = new CallBudget();
  readonly #callLog: CallLog;
  readonly #surroundings: Surroundings;
  readonly #running: RunningTime;

  constructor(options: SessionManagerOptions) {
    this.counts = options.counts ?? new SessionCounts();
    this.#options = { ...options, counts: this.counts };
    this.#surroundings = surroundings(options);
    this.#gate = new CallGate(this.#surroundings.clock);
    this.#callLog = new CallLog(options.log, this.#surroundings.clock);
    this.#running = new RunningTime(this.#surroundings.clock);
    this.#records = new FrameworkRecords(options.store, this.#surroundings);
    const { links, defaultLeaseMs } = options;
    this.#wishes = new Wishes({
      links,
      records: this.#records,
      randomness: this.#surroundings.randomness,
      defaultLeaseMs,
    });
    this.#promotions = new Promotions({
      wishes: this.#wishes,
      records: this.#records,
      log: options.log,
      clock: this.#surroundings.clock,
      inTurn: (session, work) => this.#inTurn(session.frameworkName, work),
      mayPromote: (session) => this.#sessions.get(session.frameworkName) === session && !this.#gate.isShut,
      remembered: (records, wish, stillWanted) =>
        this.#remembered(records, wish, () => {
          this.#mayAttach(undefined);
          stillWanted();
        }),
    });
  }

  /**
   * Takes up the open sessions, before their clients return: all, or none. Each has its whole lease again: a
   * client could not come back while the bridge was down, and when that began is not on the disk.
   *
   * @throws RestoreError
   */
  restore(): void {
    const opened = this.#records.restore().flatMap((record) => (record.open ? [this.#restored(record)] : []));
    for (const session of opened) session.start(session.state.record.leaseMs);
  }

  #restored(record: FrameworkRecord): Session {
    try {
      const kept = this.#wishes.asNow(record);
      return this.#open(kept, this.#records.takeUp(record, kept), false);
    } catch (error) {
      throw new RestoreError(record.frameworkName, error);
    }
  }

  /** All open sessions, in the order of their names. */
  sessions(): Session[] {
    return [...this.sessionsFrom("")];
  }

  /** All open sessions, in no order. None may come or go while they are read. */
  unordered(): IterableIterator<Session> {
    return this.#sessions.values();
  }

  /** The open sessions from this name on, in the order of their names. None may come or go while they are read. */
  *sessionsFrom(frameworkName: string): IterableIterator<Session> {
    const same = this.#sessions.get(frameworkName);
    if (same) yield same;
    for (const name of this.#openNames.after(frameworkName)) {
      const session = this.#sessions.get(name);
      if (session) yield session;
    }
  }

  /** The frameworks after this name, or all of them, in the order of their names. None may come or go while they are read. */
  *frameworksAfter(frameworkName: string | undefined): IterableIterator<KnownFramework> {
    for (const record of this.#records.after(frameworkName)) {
      yield { record, session: this.#sessions.get(record.frameworkName) };
    }
  }

  find(frameworkName: string): Session | undefined {
    return this.#sessions.get(frameworkName);
  }

  /** The principal with which the bridge authenticates for a framework, where it is known. */
  principalOf(frameworkName: string): string | undefined {
    return this.#wishes.principalOf(frameworkName);
  }

  /** @throws BridgeError FRAMEWORK_NOT_FOUND */
  get(frameworkName: string): Session {
    const session = this.#sessions.get(frameworkName);
    if (session) return session;
    if (this.#gate.isShut) throw this.#gate.turnedAway();
    throw new BridgeError(
      "FRAMEWORK_NOT_FOUND",
      `there is no session of framework '${frameworkName}': attach with Subscribe`,
    );
  }

  /**
   * Attaches a client to the session of its framework, opening the session if there is none. What has to
   * be remembered is on the disk before the sink hears of anything.
   *
   * @param signal aborts when the client has gone: then nothing is changed, and whoever is attached stays
   * @throws BridgeError, or the signal's reason
   */
  async attach(request: AttachRequest, sink: AttachmentSink, signal?: AbortSignal): Promise<Attached> {
    return this.#inTurn(request.frameworkName, () => this.#attach(request, sink, signal));
  }

  /** Looks whether a client that waits may still have what it asked for. @throws BridgeError if it may not */
  recheck(session: Session, attachment: Attachment): void {
    this.#promotions.recheck(session, attachment);
  }

  /**
   * Ends a session in order, as its client asks: Mesos keeps the framework. With `handover` only the client's attachment
   * ends, and the next that waits takes over. @throws BridgeError
   */
  async closeSession(frameworkName: string, attachmentId: string, handover = false): Promise<void> {
    const session = this.get(frameworkName);
    const error = session.fence(attachmentId) ?? (this.#gate.isShut ? this.#gate.turnedAway() : undefined);
    if (error) throw error;
    session.clients.called();
    if (handover) session.clients.handOver();
    else await this.#retire(session, "keep");
  }

  /**
   * Takes no more calls and clients, and waits until all calls that were taken are answered; the streams stay. Gives
   * the number of calls that have no answer after that time.
   */
  async drain(timeoutMs: number): Promise<number> {
    this.#gate.shut();
    const unanswered = await this.#gate.emptied(timeoutMs);
    await Promise.all(this.#closing.keys());
    return unanswered;
  }

  /** Ends all streams and links. The sessions stay open in the store, for the next run. */
  async close(): Promise<void> {
    this.#gate.shut();
    const error = shuttingDown();
    await Promise.all(this.sessions().map((session) => session.close(error)));
    await Promise.all(this.#closing.keys());
    this.#records.close();
    this.#callLog.close();
    this.#sessions.clear();
    this.#openNames = new SortedKeys();
    this.#running.close();
  }

  async #inTurn<T>(frameworkName: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(frameworkName) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(work);
    this.#turns.set(frameworkName, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(frameworkName) === turn) this.#turns.delete(frameworkName);
    }
  }

  async #attach(request: AttachRequest, sink: AttachmentSink, signal?: AbortSignal): Promise<Attached> {
    if (this.#sessions.has(request.frameworkName)) return this.#attachNow(request, sink, signal);
    const maxFrameworks = this.#options.maxFrameworks?.() ?? Number.POSITIVE_INFINITY;
    if (this.#sessions.size + this.#opening >= maxFrameworks) throw tooManyFrameworks(maxFrameworks);
    this.#opening++;
    try {
      return await this.#attachNow(request, sink, signal);
    } finally {
      this.#opening--;
    }
  }

  async #attachNow(request: AttachRequest, sink: AttachmentSink, signal?: AbortSignal): Promise<Attached> {
    const { frameworkName, resume, standby } = request;
    for (;;) {
      // A session that is going away, under the same name, has to be gone first.
      const closing = [...this.#closing].filter(([, name]) => name === frameworkName);
      await Promise.all(closing.map(([closed]) => closed));
      this.#mayAttach(signal);
      const records = this.#records.of(frameworkName);
      const wish = this.#wishes.of(request, records.record);
      const taken = standby ? this.#sessions.get(frameworkName) : undefined;
      if (taken?.clients.areThere) return { session: taken, attachment: this.#promotions.wait(taken, request, sink) };
      const session = await this.#remembered(records, wish, () => this.#mayAttach(signal));
      if (!session) continue;
      const client = clientOf(request, this.#surroundings.clock);
      const options = attachOptions(request, client, wish.defaultedFields, resume);
      if (!standby) return { session, attachment: session.clients.attach(options, sink) };
      const attachment = session.clients.standBy(client, sink);
      session.clients.promote(attachment, options);
      return { session, attachment };
    }
  }

  /** @throws the signal's reason if the client has gone; BridgeError BRIDGE_SHUTTING_DOWN */
  #mayAttach(signal: AbortSignal | undefined): void {
    signal?.throwIfAborted();
    if (this.#gate.isShut) throw shuttingDown();
  }

  /** Stores what a client makes of its framework, and gives the session; undefined if that has ended meanwhile. */
  async #remembered(
    records: RecordWriter,
    { record, isNew }: Wish,
    stillWanted: () => void,
  ): Promise<Session | undefined> {
    const { frameworkName } = record;
    const known = this.#sessions.get(frameworkName);
    // A client that changes nothing is attached whether the disk can be written or not.
    const kept = records.record;
    if (known && kept && sameRecord({ ...record, detachedAtMs: kept.detachedAtMs }, kept)) return known;
    known?.attaching();
    try {
      const accepted = await records.propose(record, {
        stillWanted,
        accept: (before) => {
          if (before) known?.recordChanged(before);
        },
      });
      if (!accepted) return undefined;
      if (known) return known;
      const session = this.#open(accepted, records, isNew);
      session.start();
      return session;
    } catch (error) {
      known?.notAttached();
      throw error;
    }
  }

  #open(record: FrameworkRecord, records: RecordWriter, isNew: boolean): Session {
    const session: Session = new Session(record, records, this.#options, {
      gate: this.#gate,
      callLog: this.#callLog,
      callBudget: this.#callBudget,
      surroundings: this.#surroundings,
      running: this.#running,
      isNew,
      vacant: () => this.#promotions.next(session),
      ended: (next) => this.#retire(session, next),
    });
    this.#sessions.set(record.frameworkName, session);
    this.#openNames.add(record.frameworkName);
    return session;
  }

  #retire(session: Session, next: "keep" | "forget"): Promise<void> {
    if (this.#sessions.get(session.frameworkName) === session) {
      this.#sessions.delete(session.frameworkName);
      this.#openNames.delete(session.frameworkName);
    }
    const closing = this.#records
      .end(session.frameworkName, next)
      .then(() => session.close(undefined))
      .finally(() => this.#closing.delete(closing));
    this.#closing.set(closing, session.frameworkName);
    return closing;
  }
}
