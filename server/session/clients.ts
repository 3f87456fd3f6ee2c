import type { Log } from "../log.js";
import type { AttachedClient, Attachment, AttachmentSink } from "./attachment.js";
import type { Attachments } from "./attachments.js";
import { wantOffersAgain } from "./clientAway.js";
import type { Confirmation } from "./confirmation.js";
import { askForDropped } from "./droppedUpdates.js";
import { type BridgeError, notAttached, promotionLapsed } from "./errors.js";
import type { OwnCalls } from "./ownCalls.js";
import type { Presence } from "./presence.js";
import type { Reconciler } from "./reconciler.js";
import type { AttachOptions } from "./sessionOptions.js";
import { forgetTask, type SessionState } from "./sessionState.js";
import { type LinkView, openedEvent, snapshotEvents } from "./snapshot.js";

/** What the clients of a session have to do with. */
export interface ClientsParts {
  readonly state: SessionState;
  readonly attachments: Attachments;
  readonly presence: Presence;
  readonly confirmation: Confirmation;
  readonly own: OwnCalls;
  readonly reconciler: Reconciler;
  readonly log: Log;
}

export interface ClientsHost {
  linkView(): LinkView;
  /** A client is active from now on, which wants this. @param isOther it is not the one that was */
  activated(wanted: AttachOptions, isOther: boolean): void;
  /** No client is active, and some wait: `promote` is to be called with the one that has waited longest. */
  vacant(): void;
  /** The bridge has a fault, which ends the session. */
  fault(error: unknown): void;
}

/** The clients of a session: one that is active, and those that wait to be. */
export class Clients {
  readonly #parts: ClientsParts;
  readonly #host: ClientsHost;

  constructor(parts: ClientsParts, host: ClientsHost) {
    this.#parts = parts;
    this.#host = host;
  }

  /** The active attachment, while its stream is there. */
  get active(): Attachment | undefined {
    return this.#parts.attachments.current;
  }

  /** Those that wait to become active, the one that has waited longest first. */
  get standbys(): readonly Attachment[] {
    return this.#parts.attachments.standbys;
  }

  /** Makes a client active. The one that was ends as superseded. @throws what a fault throws, which ends the session */
  attach(options: AttachOptions, sink: AttachmentSink): Attachment {
    const { attachments, confirmation } = this.#parts;
    const resume = attachments.canResume(options.resume) ? options.resume : undefined;
    const isSuccessor = attachments.isVacated;
    const attachment = attachments.replace(options.client, sink, resume);
    confirmation.over();
    this.#activated("opened", attachment, options, isSuccessor);
    return attachment;
  }

  /** Has a client wait until it is promoted. @throws BridgeError LIMIT_REACHED */
  standBy(client: AttachedClient, sink: AttachmentSink): Attachment {
    const { state, attachments, confirmation } = this.#parts;
    const attachment = attachments.add(client, sink);
    attachment.begin([openedEvent("opened", state, attachment, [], this.#host.linkView().state)]);
    if (confirmation.isOverdue) this.promotionOverdue();
    return attachment;
  }

  /**
   * Makes a client active that waited. It may resume if no other one was active since.
   *
   * @throws what a fault throws, which ends the session
   */
  promote(attachment: Attachment, options: AttachOptions): void {
    const { attachments, confirmation, state, log } = this.#parts;
    const { identity, peer, sinceMs } = attachment.client;
    const isSuccessor = attachments.isVacated;
    const nowMs = state.clock.wallTime();
    const resume = attachments.canContinue(options.resume) ? options.resume : undefined;
    attachments.promote(attachment, resume, nowMs);
    confirmation.promoted(attachments.standbys.length);
    const waitedMs = Math.max(0, nowMs - sinceMs);
    const { frameworkName: framework } = state.record;
    log.info({ framework, attachment: attachment.id, identity, peer, waitedMs }, "promoted");
    this.#activated("promoted", attachment, options, isSuccessor);
  }

  /** The client's stream is gone. */
  detach(attachment: Attachment): void {
    const was = this.#parts.attachments.remove(attachment);
    this.forgetReadUpdates();
    if (was === "active") this.#left();
  }

  /** The active client lets the next one take over: its stream ends in order. */
  handOver(): void {
    const { attachments } = this.#parts;
    const wasThere = attachments.current !== undefined;
    attachments.handOver();
    this.forgetReadUpdates();
    if (wasThere) this.#left();
  }

  /** An operator ends an attachment. @throws BridgeError NOT_ATTACHED */
  expel(attachmentId: string): void {
    const was = this.#parts.attachments.expel(attachmentId);
    if (was === undefined) throw notAttached();
    this.forgetReadUpdates();
    if (was === "active") this.#left();
  }

  /** The active client made a call. */
  called(): void {
    const { confirmation, attachments, state } = this.#parts;
    if (!confirmation.called()) return;
    attachments.current?.confirm();
    state.counts.promotions.confirmed++;
  }

  /** A client that was promoted has made no call: it may be gone without a trace. If others wait, the next one is promoted. */
  promotionOverdue(): void {
    const { attachments, state, log } = this.#parts;
    const { current } = attachments;
    if (!current || attachments.standbys.length === 0) return;
    state.counts.promotions.unconfirmed++;
    const { frameworkName: framework } = state.record;
    log.warn({ framework, attachment: current.id }, "the promotion was not confirmed, and another standby is promoted");
    attachments.passOver(promotionLapsed());
    this.forgetReadUpdates();
    this.#left();
  }

  /** Whether a client is active or waits. */
  get areThere(): boolean {
    return this.active !== undefined || this.standbys.length > 0;
  }

  /** A client that waits can't be promoted. */
  refuse(attachment: Attachment, error: BridgeError): void {
    attachment.end(error);
    this.#parts.attachments.remove(attachment);
  }

  /** None of those that waited could be promoted: the lease begins. */
  nobodyCame(): void {
    if (!this.areThere) this.#leaseBegins();
  }

  /** The session has ended. */
  end(): void {
    this.#parts.confirmation.over();
  }

  /** What clients have read need not be remembered for them. */
  forgetReadUpdates(): void {
    const { state, attachments } = this.#parts;
    for (const taskId of state.withoutToken.forgetRead(attachments.seenSequence)) forgetTask(state, taskId);
  }

  /** @param isSuccessor the stream of the client before is gone */
  #activated(kind: "opened" | "promoted", attachment: Attachment, options: AttachOptions, isSuccessor: boolean): void {
    const { state, presence, own, reconciler, log } = this.#parts;
    const { resumed } = attachment;
    try {
      this.forgetReadUpdates();
      presence.returned();
      this.#host.activated(options, kind === "promoted" && !resumed);
      const link = this.#host.linkView();
      const told = openedEvent(kind, state, attachment, options.defaultedFields, link.state);
      attachment.begin(resumed ? [told] : snapshotEvents(told, state, link));
      if (!resumed) askForDropped(state, reconciler, log);
      wantOffersAgain(state, own, { resumed, isSuccessor });
    } catch (error) {
      this.#host.fault(error);
      throw error;
    }
  }

  #left(): void {
    this.#parts.confirmation.over();
    if (this.#parts.attachments.standbys.length > 0) this.#host.vacant();
    else this.#leaseBegins();
  }

  #leaseBegins(): void {
    const { presence, state } = this.#parts;
    presence.left(state.record.leaseMs);
  }
}
