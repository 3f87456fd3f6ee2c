import type { Randomness } from "../../wire/randomness.js";
import { type AttachedClient, Attachment, type AttachmentSink } from "./attachment.js";
import { attachmentEnded, type BridgeError, notAttached, superseded } from "./errors.js";
import type { EventLog } from "./eventLog.js";

/** Where a broken stream ended. */
export interface Resume {
  readonly attachmentId: string;
  readonly afterSequence: number;
}

const REMEMBERED_ATTACHMENTS = 64;

/** Who is and was attached to a session, and up to where its events have been read. The newest attachment counts. */
export class Attachments {
  readonly #log: EventLog;
  readonly #randomness: Randomness;
  /** The newest last. */
  #ids: string[] = [];
  #current: Attachment | undefined;
  #readSequence = 0;
  #seenSequence = 0;

  constructor(log: EventLog, randomness: Randomness) {
    this.#randomness = randomness;
    this.#log = log;
  }

  /** The attachment whose stream is there. */
  get current(): Attachment | undefined {
    return this.#current;
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

  /** Ends the attachment that is there, if there is one: another client takes its place. */
  supersede(): void {
    if (!this.#current) return;
    this.#noteRead(this.#current);
    this.#current.end(superseded("stream"));
  }

  /** Makes an attachment that continues after this sequence, and the newest. */
  add(client: AttachedClient, afterSequence: number, sink: AttachmentSink, resumed: boolean): Attachment {
    const next = { sequence: afterSequence + 1, resumed };
    const attachment = new Attachment(this.#randomness.uuid(), client, this.#log, next, sink);
    this.#current = attachment;
    this.#remember(attachment.id);
    return attachment;
  }

  /** Ends the attachment that is there, and forgets it: it can't be resumed, and may not call. False if it is another one. */
  expel(attachmentId: string): boolean {
    const attachment = this.#current;
    if (attachment?.id !== attachmentId) return false;
    this.#noteRead(attachment);
    this.#current = undefined;
    this.#ids = this.#ids.filter((id) => id !== attachmentId);
    // One that nobody has is the newest now: otherwise an older one would be.
    this.#remember(this.#randomness.uuid());
    attachment.end(attachmentEnded());
    return true;
  }

  #remember(id: string): void {
    this.#ids = [...this.#ids.slice(1 - REMEMBERED_ATTACHMENTS), id];
  }

  /** An attachment's stream is gone. False if it was not the newest: it has no say any more. */
  remove(attachment: Attachment): boolean {
    this.#noteRead(attachment);
    if (attachment !== this.#current) return false;
    this.#current = undefined;
    attachment.end();
    return true;
  }

  /** Why this attachment may not call, if it may not. One whose stream broke may: its client is about to resume. */
  fence(attachmentId: string): BridgeError | undefined {
    if (attachmentId === this.#ids.at(-1)) return undefined;
    return this.#ids.includes(attachmentId) ? superseded("call") : notAttached();
  }

  #noteRead(attachment: Attachment): void {
    this.#readSequence = Math.max(this.#readSequence, attachment.readSequence);
    if (attachment.snapshotRead) this.#seenSequence = Math.max(this.#seenSequence, attachment.readSequence);
  }
}
