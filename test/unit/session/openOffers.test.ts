import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Event, Event_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { inverseOffersEvent, type OfferView, offersEvent } from "../../../server/mesos/messages/events.js";
import { EventLog } from "../../../server/session/eventLog.js";
import { needsSplit, OpenOffers } from "../../../server/session/openOffers.js";
import type { SessionEvent } from "../../../server/session/sessionEvent.js";
import { offer } from "./samples.js";

const MIB = 1024 * 1024;
const unread = () => true;
const read = () => false;

/** Offers that one live event brought. */
function brought(open: OpenOffers, ids: readonly string[], padding = 4): SessionEvent {
  const offers = ids.map((id) => offer(id, padding));
  const bytes = offersEvent(offers.map((each) => each.bytes));
  const event = new EventLog().append({ kind: "mesos", type: 2, bytes, taskId: "", agentId: "" }, 0);
  open.add(offers, event);
  return event;
}

/** Offers in pieces, each with the event that it makes. */
function piecesOf(kind: "offers" | "inverse-offers", offers: readonly OfferView[]) {
  const open = new OpenOffers(kind);
  return open.pieces(offers).map((piece) => ({ offers: piece, bytes: open.event(piece) }));
}

function idsIn(bytes: Uint8Array | undefined): string[] {
  return (bytes ? Event.decode(bytes) : undefined)?.offers?.offers.map(({ id }) => id?.value ?? "") ?? [];
}

describe("what is open", () => {
  test("offers come and go", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b"]);
    brought(open, ["c"]);
    expect([open.size, open.ids(), open.has("a"), open.has("x")]).toEqual([3, ["a", "b", "c"], true, false]);
    expect(open.remove("b")).toMatchObject({ id: "b", agentId: "agent of b" });
    expect(open.remove("b")).toBeUndefined();
    expect(open.values().map(({ id }) => id)).toEqual(["a", "c"]);
    expect(open.clear()).toEqual(["a", "c"]);
    expect(open.size).toBe(0);
  });

  test("are listed in the order of their ids, however they come and go", () => {
    const open = new OpenOffers("offers");
    const listed = (after?: string) => [...open.after(after)].map(({ id }) => id);
    brought(open, ["d", "b"]);
    expect(listed()).toEqual(["b", "d"]);
    brought(open, ["c", "a"]);
    expect([listed(), listed("b"), listed("bb"), listed("d")]).toEqual([
      ["a", "b", "c", "d"],
      ["c", "d"],
      ["c", "d"],
      [],
    ]);
    open.withdraw("c", unread);
    const used = open.use(["a"]);
    expect(listed()).toEqual(["b", "d"]);
    used.putBack();
    expect(listed()).toEqual(["a", "b", "d"]);
    open.clear();
    expect(listed()).toEqual([]);
  });

  test("those that a call uses are not open, and are again if they are put back", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b", "c"]);
    const used = open.use(["a", "c", "x", "a"]);
    expect(open.ids()).toEqual(["b"]);
    used.putBack();
    expect(open.ids()).toEqual(["b", "a", "c"]);
    open.use(["b"]).spent();
    expect(open.ids()).toEqual(["a", "c"]);
  });

  test("those that were rescinded, or belong to a subscription that ended, are not put back", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b"]);
    const used = open.use(["a", "b"]);
    expect(open.withdraw("a", unread)).toBeUndefined();
    used.putBack();
    expect(open.ids()).toEqual(["b"]);
    const late = open.use(["b"]);
    open.clear();
    late.putBack();
    expect(open.ids()).toEqual([]);
  });
});

describe("withdraw", () => {
  test("the last offer of an unread event cancels it", () => {
    const open = new OpenOffers("offers");
    const event = brought(open, ["a"]);
    expect(open.withdraw("a", unread)).toEqual({ kind: "cancel", event });
    expect(open.size).toBe(0);
  });

  test("another offer of an unread event leaves the rest of it", () => {
    const open = new OpenOffers("offers");
    const event = brought(open, ["a", "b", "c"]);
    const first = open.withdraw("b", unread);
    expect(first?.event).toBe(event);
    expect(first?.kind === "replace" && idsIn(first.bytes)).toEqual(["a", "c"]);
    if (first?.kind !== "replace") return;
    // The log gave the event another body: from then on it is that one that is changed.
    const moved: SessionEvent = {
      ...event,
      body: { kind: "mesos", type: 2, bytes: first.bytes, taskId: "", agentId: "" },
    };
    first.moved(moved);
    const second = open.withdraw("a", unread);
    expect(second?.event).toBe(moved);
    expect(second?.kind === "replace" && idsIn(second.bytes)).toEqual(["c"]);
    expect(open.withdraw("c", unread)).toEqual({ kind: "cancel", event: moved });
  });

  test("an offer that was used meanwhile does not come back", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b", "c"]);
    open.remove("a");
    const withdrawal = open.withdraw("b", unread);
    expect(withdrawal?.kind === "replace" && idsIn(withdrawal.bytes)).toEqual(["c"]);
  });

  test("the client has to see the rescind of what it has read", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b"]);
    expect(open.withdraw("a", read)).toBeUndefined();
    expect(open.ids()).toEqual(["b"]);
  });

  test("the client has to see the rescind of what is not known, or was put back", () => {
    const open = new OpenOffers("offers");
    expect(open.withdraw("x", unread)).toBeUndefined();
    brought(open, ["a"]);
    open.use(["a"]).putBack();
    expect(open.withdraw("a", unread)).toBeUndefined();
    expect(open.size).toBe(0);
  });

  test("a large event is not built anew for each rescind", () => {
    const open = new OpenOffers("offers");
    brought(open, ["a", "b"], 100_000);
    expect(open.withdraw("a", unread)).toBeUndefined();
    expect(open.withdraw("b", unread)?.kind).toBe("cancel");
  });
});

describe("fragments", () => {
  test("hold every offer once, in order, each below 1 MiB unless an offer alone is larger", () => {
    const paddings = fc.array(fc.oneof(fc.nat({ max: 2_000 }), fc.integer({ min: 100_000, max: 1_400_000 })), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(paddings, (sizes) => {
        const offers = sizes.map((padding, i) => offer(`offer-${i}`, padding));
        const pieces = piecesOf("offers", offers);
        expect(pieces.flatMap((piece) => piece.offers)).toEqual(offers);
        for (const piece of pieces) {
          expect(idsIn(piece.bytes)).toEqual(piece.offers.map(({ id }) => id));
          if (piece.offers.length > 1) expect(piece.bytes.length).toBeLessThanOrEqual(MIB + 32);
        }
        for (const [i, piece] of pieces.entries()) {
          const next = pieces[i + 1]?.offers[0];
          // None is smaller than it has to be.
          if (next) expect(piece.bytes.length + next.bytes.length + 64).toBeGreaterThan(MIB);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("no offers make no events", () => {
    expect(piecesOf("offers", [])).toEqual([]);
  });

  test("offers keep their bytes", () => {
    const offers = [offer("a"), offer("b")];
    const [piece] = piecesOf("offers", offers);
    expect(piece?.bytes).toEqual(offersEvent(offers.map(({ bytes }) => bytes)));
  });

  test("inverse offers make INVERSE_OFFERS", () => {
    const [piece] = piecesOf("inverse-offers", [offer("a")]);
    expect(piece?.bytes).toEqual(inverseOffersEvent([offer("a").bytes]));
    expect(piece && Event.decode(piece.bytes).type).toBe(Event_Type.INVERSE_OFFERS);
  });

  test("an event of 1 MiB stays whole", () => {
    expect(needsSplit(Buffer.alloc(MIB))).toBe(false);
    expect(needsSplit(Buffer.alloc(MIB + 1))).toBe(true);
  });
});
