import { inverseOffersEvent, type OfferView, offersEvent } from "../mesos/messages/events.js";
import { ListedKeys } from "./listedKeys.js";
import type { SessionEvent } from "./sessionEvent.js";

/** Every stub language refuses messages of over 4 MiB by default; a fragment stays well below. */
const FRAGMENT_BYTES = 1024 * 1024;

/** Up to this size an event is built anew when one of its unread offers is rescinded. */
const REBUILD_BYTES = 64 * 1024;

/** What one live event brought, as far as it is still open. */
interface OfferGroup {
  /** Undefined when the offers were put back: the client has seen them. */
  event: SessionEvent | undefined;
  /** When Mesos made the oldest of them, in ms since 1970. */
  readonly sinceMs: number;
  readonly offers: Map<string, OfferView>;
}

/** What to do with the event that brought an offer, when the offer is rescinded before the event was read. */
export type Withdrawal =
  /** Nothing is left of the event. */
  | { readonly kind: "cancel"; readonly event: SessionEvent }
  /** The event without the offer. */
  | {
      readonly kind: "replace";
      readonly event: SessionEvent;
      readonly bytes: Buffer;
      moved(event: SessionEvent): void;
    };

/** Offers that a call uses which Mesos has not answered yet. */
export interface UsedOffers {
  /** Mesos has taken the call, or may have. */
  spent(): void;
  /** Mesos has not taken the call: they are open again, but for those that it has taken back meanwhile. Gives the open ones. */
  putBack(): OfferView[];
}

/** Offers or inverse offers that Mesos has made and nobody used, declined or rescinded. */
export class OpenOffers {
  readonly #offers = new Map<string, { readonly view: OfferView; readonly group: OfferGroup }>();
  /** Those that calls use which are on their way. */
  readonly #used = new Map<string, OfferView>();
  readonly #listed = new ListedKeys(() => this.ids());
  readonly #buildEvent: (offers: readonly Uint8Array[]) => Buffer;

  constructor(kind: "offers" | "inverse-offers") {
    this.#buildEvent = kind === "offers" ? offersEvent : inverseOffersEvent;
  }

  get size(): number {
    return this.#offers.size;
  }

  /** When Mesos made the oldest of them, in ms since 1970. Looks at all of them. */
  get oldestMs(): number | undefined {
    let oldest: number | undefined;
    for (const { group } of this.#offers.values()) oldest = Math.min(oldest ?? group.sinceMs, group.sinceMs);
    return oldest;
  }

  has(id: string): boolean {
    return this.#offers.has(id);
  }

  get(id: string): OfferView | undefined {
    return this.#offers.get(id)?.view;
  }

  ids(): string[] {
    return [...this.#offers.keys()];
  }

  values(): OfferView[] {
    return [...this.#offers.values()].map((offer) => offer.view);
  }

  /** The offers after `id`, in the order of their ids; all offers for undefined. They must not change while they are read. */
  *after(id: string | undefined): IterableIterator<OfferView> {
    for (const key of this.#listed.after(id)) {
      const offer = this.#offers.get(key);
      if (offer) yield offer.view;
    }
  }

  /** @param event what brought them, as long as the client may not have read it @param sinceMs when they came */
  add(offers: readonly OfferView[], event: SessionEvent | undefined, sinceMs = event?.receiveTimeMs ?? 0): void {
    const group: OfferGroup = { event, sinceMs, offers: new Map(offers.map((offer) => [offer.id, offer])) };
    for (const view of offers) {
      this.#offers.set(view.id, { view, group });
      this.#listed.added(view.id);
    }
  }

  /** Forgets an offer and returns it, if it was open. */
  remove(id: string): OfferView | undefined {
    const offer = this.#offers.get(id);
    if (!offer) return undefined;
    offer.group.offers.delete(id);
    this.#offers.delete(id);
    this.#listed.removed(id);
    return offer.view;
  }

  /** Has a call use those of the offers that are open. */
  use(ids: readonly string[]): UsedOffers {
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const id of ids) sinceMs = Math.min(sinceMs, this.#offers.get(id)?.group.sinceMs ?? sinceMs);
    const used = ids.map((id) => this.remove(id)).filter((offer) => offer !== undefined);
    for (const offer of used) this.#used.set(offer.id, offer);
    const settle = () => used.filter((offer) => this.#settled(offer));
    const putBack = () => {
      const back = settle();
      this.add(back, undefined, sinceMs);
      return back;
    };
    return { spent: settle, putBack };
  }

  /** Whether an offer was still Mesos's to give when the call that used it was answered. */
  #settled(offer: OfferView): boolean {
    return this.#used.get(offer.id) === offer && this.#used.delete(offer.id);
  }

  /** Forgets all open offers, and gives their ids. */
  removeAll(): string[] {
    const ids = this.ids();
    this.#offers.clear();
    this.#listed.cleared();
    return ids;
  }

  /** The subscription is over, and with it all its offers. Gives the ids of those that were open. */
  clear(): string[] {
    this.#used.clear();
    return this.removeAll();
  }

  /**
   * Forgets a rescinded offer. If the event that brought it is `unread`, says how that event
   * changes so that the offer never shows; undefined: the client has to see the rescind.
   */
  withdraw(id: string, unread: (event: SessionEvent) => boolean): Withdrawal | undefined {
    const group = this.#offers.get(id)?.group;
    this.remove(id);
    this.#used.delete(id);
    if (!group?.event || !unread(group.event)) return undefined;
    if (group.offers.size === 0) return { kind: "cancel", event: group.event };
    const { body } = group.event;
    if (body.kind !== "mesos" || body.bytes.length > REBUILD_BYTES) return undefined;
    const bytes = this.event([...group.offers.values()]);
    return {
      kind: "replace",
      event: group.event,
      bytes,
      moved: (event) => {
        group.event = event;
      },
    };
  }

  /** A serialized event of these offers. */
  event(offers: readonly OfferView[]): Buffer {
    return this.#buildEvent(offers.map((offer) => offer.bytes));
  }

  /** These offers in pieces, each below about 1 MiB unless one offer is larger. */
  pieces(offers: readonly OfferView[]): OfferView[][] {
    const pieces: OfferView[][] = [];
    let piece: OfferView[] = [];
    let size = 0;
    for (const offer of offers) {
      if (piece.length > 0 && size + offer.bytes.length > FRAGMENT_BYTES) {
        pieces.push(piece);
        piece = [];
        size = 0;
      }
      piece.push(offer);
      size += offer.bytes.length + 8;
    }
    if (piece.length > 0) pieces.push(piece);
    return pieces;
  }
}

/** True if an event is so large that it has to be cut between its offers. */
export function needsSplit(event: Uint8Array): boolean {
  return event.length > FRAGMENT_BYTES;
}
