import { FrameworkInfo, Offer, TaskStatus } from "../../../gen/mesos/v1/mesos.js";
import type { Log } from "../../../server/log.js";
import { type OfferView, readOffers, readUpdate, type StatusView } from "../../../server/mesos/messages/events.js";
import type { AttachRequest } from "../../../server/session/attachRequest.js";
import type { SessionEventBody } from "../../../server/session/sessionEvent.js";
import { lengthDelimited } from "../../../wire/proto.js";

/** A log whose lines are kept, each with its level and without its text. */
export function keptLog(): { log: Log; lines: object[] } {
  const lines: object[] = [];
  const at = (level: string) => (fields: object) => lines.push({ level, ...fields });
  return { log: { debug: () => {}, info: at("info"), warn: at("warn"), error: at("error") }, lines };
}

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

/** How a client attaches that asks for nothing but its name, and for a lease of a minute. */
export function attachRequest(frameworkName: string, more: Partial<AttachRequest> = {}): AttachRequest {
  return {
    identity: "test",
    peer: "127.0.0.1:1",
    frameworkName,
    frameworkInfo: FrameworkInfo.encode(FrameworkInfo.fromPartial({ user: "root" })).finish(),
    suppressedRoles: [],
    offerConstraints: Buffer.alloc(0),
    resume: undefined,
    leaseMs: 60_000,
    expiryPolicy: "disconnect",
    replaceRemoved: false,
    standby: false,
    ...more,
  };
}
