import { Offer, TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import { type OfferView, readOffers, readUpdate, type StatusView } from "../../../server/mesos/events.js";
import type { SessionEventBody } from "../../../server/session/sessionEvent.js";
import { lengthDelimited } from "../../../wire/proto.js";

/** An event's body of about that many bytes. */
export function body(bytes: number, type = 2): SessionEventBody {
  return { kind: "mesos", type, bytes: Buffer.alloc(bytes, 1), taskId: "", agentId: "" };
}

/** An offer as it comes in an OFFERS event, with `padding` bytes of a hostname. */
export function offer(id: string, padding = 4): OfferView {
  const message = Offer.fromPartial({
    id: { value: id },
    frameworkId: { value: "framework" },
    agentId: { value: `agent of ${id}` },
    hostname: "h".repeat(padding),
  });
  const [view] = readOffers(lengthDelimited(1, Offer.encode(message).finish()));
  if (!view) throw new Error("the offer can't be read");
  return view;
}

/** A status as it comes in an UPDATE event. */
export function status(partial: Parameters<typeof TaskStatus.fromPartial>[0]): StatusView {
  return readUpdate(lengthDelimited(1, TaskStatus.encode(TaskStatus.fromPartial(partial)).finish()));
}
