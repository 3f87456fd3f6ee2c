import type { Clock } from "../../wire/clock.js";
import type { Log } from "../log.js";
import type { Attachment, AttachmentSink } from "./attachment.js";
import { type AttachRequest, attachOptions, clientOf } from "./attachRequest.js";
import { attachmentEnded, BridgeError, internalError } from "./errors.js";
import type { FrameworkRecords } from "./frameworkRecords.js";
import type { RecordWriter } from "./recordWriter.js";
import type { Session } from "./session.js";
import type { Wish, Wishes } from "./wishes.js";

export interface PromotionsHost {
  readonly wishes: Wishes;
  readonly records: FrameworkRecords;
  readonly log: Log;
  readonly clock: Clock;
  /** Does that once nobody else attaches to the session's framework. */
  inTurn(session: Session, work: () => Promise<void>): Promise<void>;
  /** Whether clients may still become active in a session. */
  mayPromote(session: Session): boolean;
  /** Stores what a client makes of its framework; gives undefined if the session has ended meanwhile. */
  remembered(records: RecordWriter, wish: Wish, stillWanted: () => void): Promise<Session | undefined>;
}

/** Promotes clients that wait, as they asked to be attached. */
export class Promotions {
  readonly #host: PromotionsHost;
  readonly #requests = new WeakMap<Attachment, AttachRequest>();

  constructor(host: PromotionsHost) {
    this.#host = host;
  }

  /** Has a client wait until it is promoted. @throws BridgeError LIMIT_REACHED */
  wait(session: Session, request: AttachRequest, sink: AttachmentSink): Attachment {
    const attachment = session.clients.standBy(clientOf(request, this.#host.clock), sink);
    this.#requests.set(attachment, request);
    return attachment;
  }

  /** No client of a session is active: the one that has waited longest becomes it, or the next one if that can't be. */
  next(session: Session): void {
    this.#host
      .inTurn(session, () => this.#promoteOne(session))
      .catch((err: unknown) =>
        this.#host.log.error({ framework: session.frameworkName, err }, "no standby is promoted"),
      );
  }

  async #promoteOne(session: Session): Promise<void> {
    while (!session.clients.active && this.#host.mayPromote(session)) {
      const [first] = session.clients.standbys;
      if (!first) return session.clients.nobodyCame();
      await this.#promote(session, first);
    }
  }

  /** Makes a client active. Its stream ends if that can't be. */
  async #promote(session: Session, attachment: Attachment): Promise<void> {
    const { clients, frameworkName } = session;
    try {
      const request = this.#requests.get(attachment);
      if (!request) throw new Error("nobody knows what this standby asked for");
      const records = this.#host.records.of(frameworkName);
      const wish = this.#host.wishes.of(request, records.record);
      const remembered = await this.#host.remembered(records, wish, () => expectThere(attachment));
      if (!remembered) return;
      expectThere(attachment);
      // Where its stream broke, others were active since.
      clients.promote(attachment, attachOptions(request, attachment.client, wish.defaultedFields, undefined));
      request.onPromoted?.(attachment);
    } catch (error) {
      if (!attachment.ended) this.#requests.get(attachment)?.onNotPromoted?.(error);
      clients.refuse(attachment, this.#errorOf(error, frameworkName));
    }
  }

  /** Looks whether a client that waits may still have what it asked for. @throws BridgeError if it may not */
  recheck(session: Session, attachment: Attachment): void {
    const request = this.#requests.get(attachment);
    if (request) this.#host.wishes.of(request, this.#host.records.of(session.frameworkName).record);
  }

  #errorOf(error: unknown, framework: string): BridgeError {
    if (error instanceof BridgeError) return error;
    this.#host.log.error({ framework, err: error }, "a standby could not be promoted");
    return internalError();
  }
}

/** @throws BridgeError for a client that has gone, and gets it no more */
function expectThere(attachment: Attachment): void {
  if (attachment.ended) throw attachmentEnded();
}
