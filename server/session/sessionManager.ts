import { RunningTime } from "../../wire/runningTime.js";
import type { FrameworkPrincipal } from "../mesos/link/frameworkLink.js";
import { completeFrameworkInfo, readPrincipal, withPrincipal } from "../mesos/messages/frameworkInfo.js";
import { frameworkUserOf } from "../mesos/messages/namesUsed.js";
import type { Attachment, AttachmentSink } from "./attachment.js";
import type { Resume } from "./attachments.js";
import { CallGate } from "./callGate.js";
import { CallLog } from "./callLog.js";
import { BridgeError, idOfAnother, invalidField, otherId, shuttingDown, tooManyFrameworks } from "./errors.js";
import { FrameworkRecords } from "./frameworkRecords.js";
import type { ExpiryPolicy, FrameworkRecord } from "./frameworkStore.js";
import type { RecordWriter } from "./recordWriter.js";
import { RestoreError } from "./restoreError.js";
import { sameRecord } from "./sameRecord.js";
import { Session } from "./session.js";
import { SessionCounts } from "./sessionCounts.js";
import type { SessionOptions } from "./sessionOptions.js";
import { SortedKeys } from "./sortedKeys.js";
import { type Surroundings, surroundings } from "./surroundings.js";

/** A client that asks for a longer lease gets this one. */
const DEFAULT_LEASE_MS = 60_000;
const MAX_LEASE_MS = 24 * 3_600_000;

export interface AttachRequest {
  /** Who attaches, as logs and lists name it. The transport finds out; sessions only hand it on. */
  readonly identity: string;
  /** Where its connection comes from. */
  readonly peer: string;
  readonly frameworkName: string;
  /** Serialized `mesos.v1.FrameworkInfo`; undefined: as stored. */
  readonly frameworkInfo: Uint8Array | undefined;
  readonly suppressedRoles: readonly string[];
  readonly offerConstraints: Uint8Array;
  readonly resume: Resume | undefined;
  readonly leaseMs: number | undefined;
  readonly expiryPolicy: ExpiryPolicy;
  readonly replaceRemoved: boolean;
  /** Decides whether the caller may attach to the framework as it would be from then on. Nothing was changed. @throws BridgeError */
  readonly admit?: ((framework: AdmittedFramework) => void) | undefined;
  /** Whether the caller may still have the framework torn down. Asked when the lease runs out with the policy TEARDOWN. */
  readonly mayTearDown?: (() => boolean) | undefined;
}

/** A framework as a client wants it, or as it is stored. */
export interface AdmittedFramework {
  /** Serialized, with what the bridge fills in. */
  readonly frameworkInfo: Uint8Array;
  readonly suppressedRoles: readonly string[];
  /** With which the bridge authenticates for it. */
  readonly principal: string | undefined;
  /** The client names an id that the bridge does not know under this name. */
  readonly imported: boolean;
}

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
  /** The names of the sessions, in order. */
  #openNames = new SortedKeys();
  /** Sessions whose link is being closed, or whose end is being stored, and their names. */
  readonly #closing = new Map<Promise<void>, string>();
  /** The last attach of each name: attaches of one framework take their turns. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Sessions that are about to be opened. */
  #opening = 0;
  readonly #gate: CallGate;
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
      const kept = this.#asNow(record);
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
    const known = this.#records.known(frameworkName);
    return this.#options.links.principalOf(frameworkName, known && { principal: readPrincipal(known.frameworkInfo) })
      .name;
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
    const { frameworkName } = request;
    const before = this.#turns.get(frameworkName) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#attach(request, sink, signal));
    this.#turns.set(frameworkName, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(frameworkName) === turn) this.#turns.delete(frameworkName);
    }
  }

  /** Ends a session in order, as its client asks: Mesos keeps the framework. @throws BridgeError */
  async closeSession(frameworkName: string, attachmentId: string): Promise<void> {
    const session = this.get(frameworkName);
    const error = session.fence(attachmentId) ?? (this.#gate.isShut ? this.#gate.turnedAway() : undefined);
    if (error) throw error;
    await this.#retire(session, "keep");
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
    const { frameworkName, identity, peer, resume, replaceRemoved, mayTearDown } = request;
    for (;;) {
      // A session that is going away, under the same name, has to be gone first.
      const closing = [...this.#closing].filter(([, name]) => name === frameworkName);
      await Promise.all(closing.map(([closed]) => closed));
      this.#mayAttach(signal);
      const records = this.#records.of(frameworkName);
      const { record, defaultedFields, isNew } = this.#recordOf(request, records.record);
      const session = await this.#remembered(records, record, isNew, signal);
      if (!session) continue;
      const client = { identity, peer, sinceMs: this.#surroundings.clock.wallTime() };
      const attachment = session.attach({ client, resume, defaultedFields, replaceRemoved, mayTearDown }, sink);
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
    record: FrameworkRecord,
    isNew: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Session | undefined> {
    const { frameworkName } = record;
    const known = this.#sessions.get(frameworkName);
    // A client that changes nothing is attached whether the disk can be written or not.
    const kept = records.record;
    if (known && kept && sameRecord({ ...record, detachedAtMs: kept.detachedAtMs }, kept)) return known;
    known?.attaching();
    try {
      const accepted = await records.propose(record, {
        stillWanted: () => this.#mayAttach(signal),
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

  #recordOf(
    request: AttachRequest,
    known: FrameworkRecord | undefined,
  ): { record: FrameworkRecord; defaultedFields: readonly string[]; isNew: boolean } {
    const { frameworkName } = request;
    const { defaultLeaseMs, links } = this.#options;
    const common = {
      leaseMs: Math.min(request.leaseMs ?? defaultLeaseMs?.() ?? DEFAULT_LEASE_MS, MAX_LEASE_MS),
      expiryPolicy: request.expiryPolicy,
      open: true,
      detachedAtMs: undefined,
    };
    if (!request.frameworkInfo) {
      if (!known) throw invalidField("framework_info", "is required for a framework that the bridge does not know");
      const { suppressedRoles, offerConstraints } = request;
      const record = {
        ...this.#asNow(known),
        ...common,
        ...(suppressedRoles.length > 0 && { suppressedRoles }),
        ...(offerConstraints.length > 0 && { offerConstraints: Buffer.from(offerConstraints) }),
      };
      this.#admit(request, record, false);
      return { record, defaultedFields: [], isNew: false };
    }
    const principal = links.principalOf(frameworkName, known && { principal: readPrincipal(known.frameworkInfo) });
    const completed = completeFrameworkInfo(request.frameworkInfo, frameworkName, principal.name);
    checkPrincipal(completed.bytes, principal);
    const frameworkId = known?.frameworkId ?? completed.id ?? this.#surroundings.randomness.uuid();
    const { suppressedRoles } = request;
    const framework = { frameworkInfo: completed.bytes, suppressedRoles };
    this.#admit(request, framework, completed.id !== undefined && completed.id !== known?.frameworkId);
    if (known) checkUser(known.frameworkInfo, completed.bytes);
    if (completed.id !== undefined && completed.id !== frameworkId)
      throw otherId(frameworkName, frameworkId, completed.id);
    if (!known && completed.id !== undefined && this.#records.isHeld(completed.id)) throw idOfAnother(completed.id);
    const record: FrameworkRecord = {
      ...common,
      frameworkName,
      frameworkId,
      frameworkInfo: completed.bytes,
      suppressedRoles,
      offerConstraints: Buffer.from(request.offerConstraints),
    };
    return { record, defaultedFields: completed.defaultedFields, isNew: !known && completed.id === undefined };
  }

  #admit(
    { admit, frameworkName }: AttachRequest,
    { frameworkInfo, suppressedRoles }: Pick<FrameworkRecord, "frameworkInfo" | "suppressedRoles">,
    imported: boolean,
  ): void {
    admit?.({ frameworkInfo, suppressedRoles, principal: this.principalOf(frameworkName), imported });
  }

  /** A remembered framework as this run of the bridge can subscribe it. */
  #asNow(record: FrameworkRecord): FrameworkRecord {
    const { frameworkName, frameworkInfo } = record;
    const { name } = this.#options.links.principalOf(frameworkName, { principal: readPrincipal(frameworkInfo) });
    return { ...record, frameworkInfo: withPrincipal(frameworkInfo, name) };
  }

  #open(record: FrameworkRecord, records: RecordWriter, isNew: boolean): Session {
    const session: Session = new Session(record, records, this.#options, {
      gate: this.#gate,
      callLog: this.#callLog,
      surroundings: this.#surroundings,
      running: this.#running,
      isNew,
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

/**
 * Mesos keeps the user that a framework was created with, and says nothing of another one. What the bridge keeps would
 * then be a user that nothing runs as, and permissions and rules would look at that. @throws BridgeError INVALID_FIELD
 */
function checkUser(kept: Uint8Array, wanted: Uint8Array): void {
  const user = frameworkUserOf(kept);
  if (user === frameworkUserOf(wanted)) return;
  const cure = "leave the user as it is and set command.user, or tear the framework down to begin with another one";
  throw invalidField(
    "framework_info.user",
    `must be ${JSON.stringify(user)}: Mesos keeps the user that a framework was created with; ${cure}`,
  );
}

/** A client must not name somebody else's principal: it would be stored, and kept. @throws BridgeError INVALID_FIELD */
function checkPrincipal(frameworkInfo: Uint8Array, { name, fixed }: FrameworkPrincipal): void {
  if (!fixed || readPrincipal(frameworkInfo) === name) return;
  const wanted = name === undefined ? "unset: the bridge gives this framework none" : `unset, or '${name}'`;
  throw invalidField("framework_info.principal", `must be ${wanted} (serve --framework-principals)`);
}
