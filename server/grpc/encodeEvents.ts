import { Duration } from "../../gen/google/protobuf/duration.js";
import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { SessionEventFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import {
  AttachmentRole as AttachmentRoleCode,
  LinkChanged,
  LinkState as LinkStateCode,
  Opened,
  Progress,
  Promoted,
} from "../../gen/mesosbridge/v1/scheduler.js";
import { LENGTH_DELIMITED, VARINT, varintSize, writeVarint } from "../../wire/proto.js";
import type { AttachmentRole, LinkState, OpenedFacts, SessionEvent } from "../session/sessionEvent.js";
import { encodeOpenTasks } from "./encodeOpenTasks.js";
import { timestampBytes } from "./timestamp.js";

/** How often `Progress` comes on an idle stream, in ms. */
export const PROGRESS_INTERVAL_MS = 15_000;

/** Tags of `SessionEvent`'s fields; all of them fit in a byte. */
const EVENT = SessionEventFields;
const TAG_SEQUENCE = (EVENT.sequence << 3) | VARINT;
const TAG_RECEIVE_TIME = (EVENT.receiveTime << 3) | LENGTH_DELIMITED;
const TAG_ACK_TOKEN = (EVENT.ackToken << 3) | LENGTH_DELIMITED;
const TAG_FRAGMENT = (EVENT.fragment << 3) | VARINT;
const TAG_OPENED = (EVENT.opened << 3) | LENGTH_DELIMITED;
const TAG_MESOS = (EVENT.mesos << 3) | LENGTH_DELIMITED;
const TAG_PROGRESS = (EVENT.progress << 3) | LENGTH_DELIMITED;
const TAG_LINK_CHANGED = (EVENT.linkChanged << 3) | LENGTH_DELIMITED;
const TAG_PROMOTED = (EVENT.promoted << 3) | LENGTH_DELIMITED;
const TAG_TASKS = (EVENT.tasks << 3) | LENGTH_DELIMITED;

interface Body {
  readonly tag: number;
  readonly bytes: Uint8Array;
}

/**
 * A message whose repeated field `field` holds events: `SubscribeResponse` with field 1. Without `tokens`, the ack
 * tokens are left out. It is serialized by `copy`, straight to where it is wanted, so that Mesos's events are
 * copied once.
 */
export class EventsMessage {
  readonly byteLength: number;
  readonly #events: readonly SessionEvent[];
  readonly #bodies: Body[];
  readonly #sizes: number[];
  readonly #tag: number;
  readonly #tokens: boolean;

  constructor(events: readonly SessionEvent[], field: number, tokens = true) {
    this.#events = events;
    this.#tag = (field << 3) | LENGTH_DELIMITED;
    this.#tokens = tokens;
    this.#bodies = events.map(bodyOf);
    this.#sizes = new Array<number>(events.length);
    let total = 0;
    for (let i = 0; i < events.length; i++) {
      const size = eventSize(events[i] as SessionEvent, this.#bodies[i] as Body, tokens);
      this.#sizes[i] = size;
      total += 1 + varintSize(size) + size;
    }
    this.byteLength = total;
  }

  /** Writes the message into `out` from `start` on. */
  copy(out: Buffer, start: number): void {
    let at = start;
    for (let i = 0; i < this.#events.length; i++) {
      out[at++] = this.#tag;
      at = writeVarint(out, at, this.#sizes[i] as number);
      at = writeEvent(out, at, this.#events[i] as SessionEvent, this.#bodies[i] as Body, this.#tokens);
    }
  }
}

/** The same, serialized. */
export function encodeEvents(events: readonly SessionEvent[], field: number, tokens = true): Buffer {
  const message = new EventsMessage(events, field, tokens);
  const out = Buffer.allocUnsafe(message.byteLength);
  message.copy(out, 0);
  return out;
}

function eventSize(event: SessionEvent, { bytes }: Body, tokens: boolean): number {
  const time = timestampBytes(event.receiveTimeMs);
  let size = 1 + varintSize(event.sequence) + 2 + time.length + 1 + varintSize(bytes.length) + bytes.length;
  if (tokens && event.ackToken !== "") size += 1 + varintSize(event.ackToken.length) + event.ackToken.length;
  if (event.fragment) size += 2;
  return size;
}

function writeEvent(out: Buffer, start: number, event: SessionEvent, { tag, bytes }: Body, tokens: boolean): number {
  const time = timestampBytes(event.receiveTimeMs);
  let at = start;
  out[at++] = TAG_SEQUENCE;
  at = writeVarint(out, at, event.sequence);
  out[at++] = TAG_RECEIVE_TIME;
  out[at++] = time.length;
  out.set(time, at);
  at += time.length;
  if (tokens && event.ackToken !== "") {
    out[at++] = TAG_ACK_TOKEN;
    at = writeVarint(out, at, event.ackToken.length);
    at += out.write(event.ackToken, at, "latin1");
  }
  if (event.fragment) {
    out[at++] = TAG_FRAGMENT;
    out[at++] = 1;
  }
  out[at++] = tag;
  at = writeVarint(out, at, bytes.length);
  out.set(bytes, at);
  return at + bytes.length;
}

function bodyOf({ body }: SessionEvent): Body {
  switch (body.kind) {
    case "mesos":
      return { tag: TAG_MESOS, bytes: body.bytes };
    case "progress":
      return { tag: TAG_PROGRESS, bytes: Progress.encode({ snapshotEnd: body.snapshotEnd }).finish() };
    case "link-changed": {
      const { state, reason, master } = body;
      return {
        tag: TAG_LINK_CHANGED,
        bytes: LinkChanged.encode({ state: linkStateCode(state), reason, master }).finish(),
      };
    }
    case "opened":
      return { tag: TAG_OPENED, bytes: Opened.encode(openedMessage(body)).finish() };
    case "tasks":
      return { tag: TAG_TASKS, bytes: encodeOpenTasks(body.tasks) };
    case "promoted":
      return { tag: TAG_PROMOTED, bytes: Promoted.encode({ opened: openedMessage(body) }).finish() };
  }
}

function openedMessage(facts: OpenedFacts): Opened {
  const opened = Opened.fromPartial({
    attachmentId: facts.attachmentId,
    role: attachmentRoleCode(facts.role),
    frameworkId: { value: facts.frameworkId },
    lease: durationOf(facts.leaseMs),
    resumed: facts.resumed,
    progressInterval: durationOf(PROGRESS_INTERVAL_MS),
    linkState: linkStateCode(facts.linkState),
    defaultedFields: [...facts.defaultedFields],
  });
  // Decoded rather than made from parts: so its unknown fields stay.
  opened.frameworkInfo = FrameworkInfo.decode(facts.frameworkInfo);
  return opened;
}

export function attachmentRoleCode(role: AttachmentRole): AttachmentRoleCode {
  return role === "active" ? AttachmentRoleCode.ATTACHMENT_ROLE_ACTIVE : AttachmentRoleCode.ATTACHMENT_ROLE_STANDBY;
}

export function linkStateCode(state: LinkState): LinkStateCode {
  return state === "connected" ? LinkStateCode.LINK_STATE_CONNECTED : LinkStateCode.LINK_STATE_CONNECTING;
}

function durationOf(ms: number): Duration {
  return Duration.fromPartial({ seconds: BigInt(Math.floor(ms / 1000)), nanos: Math.round((ms % 1000) * 1e6) });
}
