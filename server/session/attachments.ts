import type { Randomness } from "../../wire/randomness.js";
import { type AttachedClient, Attachment, type AttachmentSink } from "./attachment.js";
import { attachmentEnded, type BridgeError, notActive, notAttached, superseded, tooManyStandbys } from "./errors.js";
import type { EventLog } from "./eventLog.js";

/** Where a broken stream ended. */
export interface Resume {
  readonly attachmentId: string;
  readonly afterSequence: number;
}

const REMEMBERED_ATTACHMENTS = 64;
/** Clients that wait to become active. */
const MAX_STANDBYS = 64;

/** Which client is and which were active in a session, up to where its events have been read, and which clients wait. */
export class Attachments {
  readonly #log: EventLog;
  readonly #randomness: Randomness;
  /** Of those that were active, the newest last: that one may call. */
  #ids: string[] = [];
  #current: Attachment | undefined;
  /** The one that has waited longest first. */
  #standbys: readonly Attachment[] = [];
  #readSequence = 0;
  #seenSequence = 0;

  constructor(log: EventLog, randomness: Randomness) {
    this.#randomness = randomness;
    this.#log = log;
  }

  /** The active one, while its stream is there. */
  get current(): Attachment | undefined {
    return this.#current;
  }

  /** Those that wait, the one that has waited longest first. */
  get standbys(): readonly Attachment[] {
    return this.#standbys;
  }

  /** Whether a client was active whose stream is gone. */
  get isVacated(): boolean {
    return this.#current === undefined && this.#ids.length > 0;
  }

  /** Sequence up to which some client has read. */
  get readSequence(): number {
    return this.#current?.readSequence ?? this.#readSequence;
  }

  /** The same, but only of clients that were handed their whole snapshot. */
  get seenSequence(): number {
    return Math.max(this.#seenSequence, this.#current?.snapshotRead ? this.#current.readSequence : 0);
  }

  /** True if the log reaches back to where the stream of a known attachment broke. */
  canResume(resume: Resume | undefined): resume is Resume {
    if (!resume || !this.#ids.includes(resume.attachmentId)) return false;
    const { firstSequence, lastSequence } = this.#log;
    return resume.afterSequence >= firstSequence - 1 && resume.afterSequence <= lastSequence;
  }

  /** The same, if no other one has been active since. */
  canContinue(resume: Resume | undefined): resume is Resume {
    return this.canResume(resume) && resume.attachmentId === this.#ids.at(-1);
  }

  /** Adds one that waits. @throws BridgeError LIMIT_REACHED */
  add(client: AttachedClient, sink: AttachmentSink): Attachment {
    if (this.#standbys.length >= MAX_STANDBYS) throw tooManyStandbys(MAX_STANDBYS);
    const attachment = this.#make(client, sink);
    this.#standbys = [...this.#standbys, attachment];
    return attachment;
  }

  /** Makes a client active that does not wait. The one that was ends as superseded. */
  replace(client: AttachedClient, sink: AttachmentSink, resume: Resume | undefined): Attachment {
    this.#leave(superseded("stream"));
    const attachment = this.#make(client, sink);
    this.#activate(attachment, attachment.id, resume, client.sinceMs);
    attachment.confirm();
    return attachment;
  }

  /** Makes one that waits active, whose client is to confirm it. @param resume where it continues; undefined: it needs a snapshot @param nowMs in ms since 1970 */
  promote(attachment: Attachment, resume: Resume | undefined, nowMs: number): void {
    this.#without(attachment);
    this.#activate(attachment, this.#randomness.uuid(), resume, nowMs);
  }

  /**
   * Ends an attachment and forgets it: it can't be resumed, and may not call. Gives what it was; undefined: there is none
   * of that id.
   */
  expel(attachmentId: string): "active" | "standby" | undefined {
    const standby = this.#standbys.find(({ id }) => id === attachmentId);
    if (standby) {
      this.#without(standby);
      standby.end(attachmentEnded());
      return "standby";
    }
    if (this.#current?.id !== attachmentId) return undefined;
    this.#forgetNewest();
    this.#leave(attachmentEnded());
    return "active";
  }

  /** The newest one wants to be so no more: its stream ends in order, if it is there, and it may not call. */
  handOver(): void {
    this.#forgetNewest();
    this.#leave(undefined);
  }

  /** The active one is not heard of: its stream ends, and its calls are those of one that is superseded. */
  passOver(error: BridgeError): void {
    this.#noNewest();
    this.#leave(error);
  }

  /** An attachment's stream is gone. Gives what it was until now; undefined: it had no say any more. */
  remove(attachment: Attachment): "active" | "standby" | undefined {
    if (this.#without(attachment)) {
      attachment.end();
      return "standby";
    }
    if (attachment !== this.#current) return undefined;
    this.#leave(undefined);
    return "active";
  }

  /** Ends all streams. */
  end(error: BridgeError | undefined): void {
    this.#current?.end(error);
    for (const standby of this.#standbys) standby.end(error);
  }

  /** Why this attachment may not call, if it may not. One whose stream broke may: its client is about to resume. */
  fence(attachmentId: string): BridgeError | undefined {
    if (attachmentId === this.#ids.at(-1)) return undefined;
    if (this.#ids.includes(attachmentId)) return superseded("call");
    return this.#standbys.some(({ id }) => id === attachmentId) ? notActive() : notAttached();
  }

  #make(client: AttachedClient, sink: AttachmentSink): Attachment {
    return new Attachment(this.#randomness.uuid(), client, this.#log, sink);
  }

  #activate(attachment: Attachment, id: string, resume: Resume | undefined, nowMs: number): void {
    const after = resume ? resume.afterSequence : this.#log.lastSequence;
    attachment.activate(id, { sequence: after + 1, resumed: resume !== undefined }, nowMs);
    this.#current = attachment;
    this.#remember(id);
  }

  #leave(error: BridgeError | undefined): void {
    const attachment = this.#current;
    if (!attachment) return;
    this.#noteRead(attachment);
    this.#current = undefined;
    attachment.end(error);
  }

  /** True if it waited. */
  #without(attachment: Attachment): boolean {
    const { length } = this.#standbys;
    this.#standbys = this.#standbys.filter((one) => one !== attachment);
    return this.#standbys.length < length;
  }

  #forgetNewest(): void {
    this.#ids = this.#ids.slice(0, -1);
    this.#noNewest();
  }

  /** One that nobody has is the newest: otherwise an older one would be, or would still be. */
  #noNewest(): void {
    this.#remember(this.#randomness.uuid());
  }

  #remember(id: string): void {
    this.#ids = [...this.#ids.slice(1 - REMEMBERED_ATTACHMENTS), id];
  }

  #noteRead(attachment: Attachment): void {
    this.#readSequence = Math.max(this.#readSequence, attachment.readSequence);
    if (attachment.snapshotRead) this.#seenSequence = Math.max(this.#seenSequence, attachment.readSequence);
  }
}
