import { randomUUID } from "node:crypto";
import type { Attachment, AttachmentSink } from "./attachment.js";
import type { Resume } from "./attachments.js";
import { CallGate } from "./callGate.js";
import { BridgeError, invalidField, otherId, shuttingDown, storeUnavailable, tooManyFrameworks } from "./errors.js";
import { completeFrameworkInfo, withPrincipal } from "./frameworkInfo.js";
import type { ExpiryPolicy, FrameworkRecord } from "./frameworkStore.js";
import { RestoreError } from "./restoreError.js";
import { Session, type SessionOptions } from "./session.js";
import { SortedKeys } from "./sortedKeys.js";

/** Who calls. The transport finds out; sessions only hand it on. */
export interface Identity {
  /** For logs. */
  readonly name: string;
}

export interface AttachRequest {
  readonly identity: Identity;
  readonly frameworkName: string;
  /** Serialized `mesos.v1.FrameworkInfo`; undefined: as stored. */
  readonly frameworkInfo: Uint8Array | undefined;
  readonly suppressedRoles: readonly string[];
  readonly offerConstraints: Uint8Array;
  readonly resume: Resume | undefined;
  readonly leaseMs: number | undefined;
  readonly expiryPolicy: ExpiryPolicy;
  readonly replaceRemoved: boolean;
}

export interface SessionManagerOptions extends SessionOptions {
  /** Default 60,000. */
  readonly defaultLeaseMs?: number;
  /** Default 24 h. */
  readonly maxLeaseMs?: number;
  /** Sessions at a time. Those that the store remembers are taken up even if they are more. Default: any number. */
  readonly maxFrameworks?: number;
}

/** A framework that has a session, or that the store remembers. */
export interface KnownFramework {
  readonly record: FrameworkRecord;
  readonly session: Session | undefined;
}

/** Holds the sessions of all frameworks. */
export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #sessions = new Map<string, Session>();
  /** The names of the sessions, in order. */
  #openNames = new SortedKeys();
  /** The names of what the store holds, in order. A name may outlive its record. */
  readonly #storedNames = new SortedKeys();
  /** Sessions whose link is being closed, or whose end is being stored, and their names. */
  readonly #closing = new Map<Promise<void>, string>();
  /** The last attach of each name: attaches of one framework take their turns. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Sessions that are about to be opened. */
  #opening = 0;
  readonly #gate = new CallGate();

  constructor(options: SessionManagerOptions) {
    this.#options = options;
  }

  /** Takes up the sessions whose lease still runs, before their clients return: all, or none. @throws RestoreError */
  restore(nowMs: number): void {
    const records = this.#options.store.frameworks();
    for (const { frameworkName } of records) this.#storedNames.add(frameworkName);
    const opened = records.flatMap((record) => (record.open ? [this.#restored(record)] : []));
    for (const session of opened) {
      const { leaseMs, detachedAtMs } = session.state.record;
      const left = detachedAtMs === undefined ? leaseMs : detachedAtMs + leaseMs - nowMs;
      session.start(Math.max(0, Math.min(left, leaseMs)));
    }
  }

  #restored(record: FrameworkRecord): Session {
    try {
      return this.#open(this.#asNow(record));
    } catch (error) {
      throw new RestoreError(record.frameworkName, error);
    }
  }

  /** All open sessions, in the order of their names. */
  sessions(): Session[] {
    return [...this.sessionsFrom("")];
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
    for (const name of this.#storedNames.after(frameworkName)) {
      const session = this.#sessions.get(name);
      const record = session?.state.record ?? this.#options.store.framework(name);
      if (record) yield { record, session };
    }
  }

  find(frameworkName: string): Session | undefined {
    return this.#sessions.get(frameworkName);
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
   * be remembered is on the disk before the sink hears of anything. @throws BridgeError
   */
  async attach(request: AttachRequest, sink: AttachmentSink): Promise<{ session: Session; attachment: Attachment }> {
    const { frameworkName } = request;
    const before = this.#turns.get(frameworkName) ?? Promise.resolve();
    const turn = before.catch(() => {}).then(() => this.#attach(request, sink));
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
    await this.#retire(session, "keep", undefined);
  }

  /**
   * Takes no more calls and clients, and waits until all calls that were taken are answered; the streams go on. Gives
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
    this.#sessions.clear();
    this.#openNames = new SortedKeys();
  }

  async #attach(request: AttachRequest, sink: AttachmentSink): Promise<{ session: Session; attachment: Attachment }> {
    if (this.#sessions.has(request.frameworkName)) return this.#attachNow(request, sink);
    const { maxFrameworks = Number.POSITIVE_INFINITY } = this.#options;
    if (this.#sessions.size + this.#opening >= maxFrameworks) throw tooManyFrameworks(maxFrameworks);
    this.#opening++;
    try {
      return await this.#attachNow(request, sink);
    } finally {
      this.#opening--;
    }
  }

  async #attachNow(
    request: AttachRequest,
    sink: AttachmentSink,
  ): Promise<{ session: Session; attachment: Attachment }> {
    const { known, record, defaultedFields } = await this.#remembered(request);
    if (known) known.update(record);
    const session = known ?? this.#open(record);
    if (!known) session.start();
    const { resume, replaceRemoved } = request;
    return { session, attachment: session.attach({ resume, defaultedFields, replaceRemoved }, sink) };
  }

  /** Stores what the request makes of its framework. `known` is the session that it has already. */
  async #remembered(request: AttachRequest) {
    const { frameworkName } = request;
    for (;;) {
      // A session that is going away, under the same name, has to be gone first.
      const closing = [...this.#closing].filter(([, name]) => name === frameworkName);
      await Promise.all(closing.map(([closed]) => closed));
      if (this.#gate.isShut) throw shuttingDown();
      const known = this.#sessions.get(frameworkName);
      const next = this.#recordOf(request);
      try {
        await this.#options.store.put(next.record);
      } catch (error) {
        throw storeUnavailable(error);
      }
      this.#storedNames.add(frameworkName);
      // A session that ended meanwhile has stored its end over this, and its framework may be gone.
      if (!this.#gate.isShut && this.#sessions.get(frameworkName) === known) return { known, ...next };
    }
  }

  #recordOf(request: AttachRequest): { record: FrameworkRecord; defaultedFields: readonly string[] } {
    const { frameworkName } = request;
    const known = this.#sessions.get(frameworkName)?.state.record ?? this.#options.store.framework(frameworkName);
    const { defaultLeaseMs = 60_000, maxLeaseMs = 24 * 3_600_000, link } = this.#options;
    const common = {
      leaseMs: Math.min(request.leaseMs ?? defaultLeaseMs, maxLeaseMs),
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
      return { record, defaultedFields: [] };
    }
    const completed = completeFrameworkInfo(request.frameworkInfo, frameworkName, link.authentication.principal);
    const frameworkId = known?.frameworkId ?? completed.id ?? randomUUID();
    if (completed.id !== undefined && completed.id !== frameworkId)
      throw otherId(frameworkName, frameworkId, completed.id);
    const record: FrameworkRecord = {
      ...common,
      frameworkName,
      frameworkId,
      frameworkInfo: completed.bytes,
      suppressedRoles: request.suppressedRoles,
      offerConstraints: Buffer.from(request.offerConstraints),
    };
    return { record, defaultedFields: completed.defaultedFields };
  }

  /** A remembered framework as this run of the bridge can subscribe it. */
  #asNow(record: FrameworkRecord): FrameworkRecord {
    const { principal } = this.#options.link.authentication;
    return { ...record, frameworkInfo: withPrincipal(record.frameworkInfo, principal) };
  }

  #open(record: FrameworkRecord): Session {
    const session = new Session(record, this.#options, {
      gate: this.#gate,
      ended: (ended, next) => this.#retire(ended, next, undefined),
    });
    this.#sessions.set(record.frameworkName, session);
    this.#openNames.add(record.frameworkName);
    return session;
  }

  #retire(session: Session, next: "keep" | "forget", error: BridgeError | undefined): Promise<void> {
    if (this.#sessions.get(session.frameworkName) === session) {
      this.#sessions.delete(session.frameworkName);
      this.#openNames.delete(session.frameworkName);
    }
    const closing = this.#store(session, next)
      .catch((cause: unknown) => {
        this.#options.link.log.error({ framework: session.frameworkName, err: cause }, "the end could not be stored");
      })
      .then(() => session.close(error))
      .finally(() => this.#closing.delete(closing));
    this.#closing.set(closing, session.frameworkName);
    return closing;
  }

  async #store(session: Session, next: "keep" | "forget"): Promise<void> {
    const { store } = this.#options;
    if (next === "keep") return store.put({ ...session.state.record, open: false, detachedAtMs: undefined });
    await store.remove(session.frameworkName);
    this.#storedNames.delete(session.frameworkName);
  }
}
