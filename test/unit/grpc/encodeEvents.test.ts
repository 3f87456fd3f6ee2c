import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameworkInfo } from "../../../gen/mesos/v1/mesos.js";
import { Event } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { WatchEventsResponse } from "../../../gen/mesosbridge/v1/observer.js";
import {
  AttachmentRole,
  LinkState,
  SessionEvent as Message,
  SubscribeResponse,
  OpenTask as Task,
} from "../../../gen/mesosbridge/v1/scheduler.js";
import { encodeEvents } from "../../../server/grpc/encodeEvents.js";
import type { OpenTask, SessionEvent, SessionEventBody } from "../../../server/session/sessionEvent.js";
import {
  lengthDelimited,
  messageField,
  ProtoReader,
  stringField,
  submessages,
  varintField,
} from "../../../wire/proto.js";

/** Fields that nobody knows. */
const unknown = fc
  .tuple(fc.integer({ min: 500, max: 100_000 }), fc.nat(), fc.uint8Array({ maxLength: 40 }))
  .map(([field, number, bytes]) => Buffer.concat([varintField(field, number), lengthDelimited(field + 1, bytes)]));

const text = fc.string({ unit: "grapheme", maxLength: 30 });

const mesosBytes = fc
  .tuple(text, unknown, unknown)
  .map(([id, inner, outer]) =>
    Buffer.concat([varintField(1, 3), lengthDelimited(4, messageField(1, [stringField(1, id), inner])), outer]),
  );

const linkState = fc.constantFrom("connected" as const, "connecting" as const);

const mesosId = fc.tuple(text, unknown).map(([id, more]) => Buffer.concat([stringField(1, id), more]));

const openTask: fc.Arbitrary<OpenTask> = fc.record({
  taskIdBytes: mesosId,
  agentIdBytes: fc.oneof(mesosId, fc.constant(Buffer.alloc(0))),
  status: fc.oneof(
    mesosId.map((id) => Buffer.concat([lengthDelimited(1, id), varintField(2, 1)])),
    fc.constant(undefined),
  ),
  cookie: fc.uint8Array({ maxLength: 300 }),
  unconfirmed: fc.boolean(),
});

const anyBody: fc.Arbitrary<SessionEventBody> = fc.oneof(
  mesosBytes.map((bytes) => ({ kind: "mesos" as const, type: 3, bytes, taskId: "", agentId: "" })),
  fc
    .uint8Array({ maxLength: 300 })
    .map((bytes) => ({ kind: "mesos" as const, type: 0, bytes, taskId: "", agentId: "" })),
  fc.array(openTask, { minLength: 1, maxLength: 4 }).map((tasks) => ({ kind: "tasks" as const, tasks, byteLength: 1 })),
  fc.boolean().map((snapshotEnd) => ({ kind: "progress" as const, snapshotEnd })),
  fc.record({ kind: fc.constant("link-changed" as const), state: linkState, reason: text, master: text }),
  fc.record({
    kind: fc.constantFrom("opened" as const, "promoted" as const),
    role: fc.constantFrom("active" as const, "standby" as const),
    attachmentId: fc.uuid(),
    frameworkId: text,
    leaseMs: fc.nat({ max: 86_400_000 }),
    resumed: fc.boolean(),
    frameworkInfo: fc
      .tuple(text, unknown)
      .map(([user, more]) => Buffer.concat([FrameworkInfo.encode(FrameworkInfo.fromPartial({ user })).finish(), more])),
    defaultedFields: fc.array(text, { maxLength: 3 }),
    linkState,
  }),
);

const token = fc
  .uint8Array({ maxLength: 150 })
  .map((bytes) => (bytes.length ? `t${Buffer.from(bytes).toString("base64url")}` : ""));

const anyEvent: fc.Arbitrary<SessionEvent> = fc.record({
  sequence: fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat()),
  receiveTimeMs: fc.oneof(fc.constant(1_700_000_000_000), fc.nat({ max: 2 ** 42 }), fc.nat({ max: 5_000 })),
  ackToken: token,
  fragment: fc.boolean(),
  body: anyBody,
});

const codeOf = (state: "connected" | "connecting") =>
  state === "connected" ? LinkState.LINK_STATE_CONNECTED : LinkState.LINK_STATE_CONNECTING;

/** The bytes of the event's body within its serialized `SessionEvent`. */
function bodyBytes(message: Uint8Array, field: number): Buffer {
  const [first] = submessages(message, field);
  return Buffer.from(first ?? [0xde, 0xad]);
}

function checkTasks(bytes: Buffer, tasks: readonly OpenTask[]): void {
  const messages = submessages(bytes, 1);
  expect(messages.length).toBe(tasks.length);
  for (const [i, { taskIdBytes, agentIdBytes, status, cookie, unconfirmed }] of tasks.entries()) {
    const task = Buffer.from(messages[i] ?? []);
    const fieldOf = (number: number) => submessages(task, number).map((field) => Buffer.from(field));
    expect(fieldOf(1)).toEqual([taskIdBytes]);
    expect(fieldOf(2)).toEqual(agentIdBytes.length === 0 ? [] : [agentIdBytes]);
    expect(fieldOf(3)).toEqual(status ? [status] : []);
    expect(fieldOf(4)).toEqual(cookie.length === 0 ? [] : [Buffer.from(cookie)]);
    expect(Task.decode(task).unconfirmed).toBe(unconfirmed);
  }
}

function check(message: Uint8Array, event: SessionEvent, tokens: boolean): void {
  const { body } = event;
  const header = Message.decode(withoutBody(message));
  expect(header.sequence).toBe(BigInt(event.sequence));
  expect(header.receiveTime?.getTime()).toBe(event.receiveTimeMs);
  expect(header.ackToken).toBe(tokens ? event.ackToken : "");
  expect(header.fragment).toBe(event.fragment);
  if (body.kind === "mesos") {
    expect(bodyBytes(message, 11)).toEqual(Buffer.from(body.bytes));
    return;
  }
  if (body.kind === "tasks") return checkTasks(bodyBytes(message, 15), body.tasks);
  const decoded = Message.decode(message).event;
  if (body.kind === "progress") {
    expect(decoded).toMatchObject({ $case: "progress", value: { snapshotEnd: body.snapshotEnd } });
  } else if (body.kind === "link-changed") {
    const { state, reason, master } = body;
    expect(decoded).toMatchObject({ $case: "linkChanged", value: { state: codeOf(state), reason, master } });
  } else {
    const opened = {
      attachmentId: body.attachmentId,
      role: body.role === "active" ? AttachmentRole.ATTACHMENT_ROLE_ACTIVE : AttachmentRole.ATTACHMENT_ROLE_STANDBY,
      frameworkId: { value: body.frameworkId },
      lease: { seconds: BigInt(Math.floor(body.leaseMs / 1000)), nanos: (body.leaseMs % 1000) * 1_000_000 },
      resumed: body.resumed,
      progressInterval: { seconds: 15n, nanos: 0 },
      linkState: codeOf(body.linkState),
      defaultedFields: [...body.defaultedFields],
    };
    const isPromoted = body.kind === "promoted";
    expect(decoded).toMatchObject({ $case: body.kind, value: isPromoted ? { opened } : opened });
    const bytes = isPromoted ? submessages(bodyBytes(message, 14), 1)[0] : bodyBytes(message, 10);
    const info = submessages(bytes ?? Buffer.alloc(0), 5)[0] ?? Buffer.alloc(0);
    expect(sortedFields(info)).toEqual(sortedFields(body.frameworkInfo));
  }
}

function withoutBody(message: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  const reader = new ProtoReader(message);
  while (reader.next()) {
    reader.skip();
    if (reader.field < 10) parts.push(reader.rawField());
  }
  return Buffer.concat(parts);
}

function sortedFields(message: Uint8Array): string[] {
  const fields: string[] = [];
  const reader = new ProtoReader(message);
  while (reader.next()) fields.push(Buffer.from(reader.rawField()).toString("hex"));
  return fields.sort();
}

test("any events are decoded as what they were, and Mesos's own are byte for byte the same", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 8 }), fc.boolean(), (events, tokens) => {
      const messages = submessages(encodeEvents(events, 1, tokens), 1);
      expect(messages.length).toBe(events.length);
      for (const [i, event] of events.entries()) check(messages[i] ?? Buffer.alloc(0), event, tokens);
    }),
    { numRuns: 300 },
  );
});

test("the generated codec reads a whole response, and keeps what it does not know", () => {
  fc.assert(
    fc.property(fc.array(mesosBytes, { minLength: 1, maxLength: 5 }), (all) => {
      const events = all.map(
        (bytes, i): SessionEvent => ({
          sequence: i + 1,
          receiveTimeMs: 1_700_000_000_000 + i,
          ackToken: "",
          fragment: false,
          body: { kind: "mesos", type: 3, bytes, taskId: "", agentId: "" },
        }),
      );
      const response = SubscribeResponse.decode(encodeEvents(events, 1));
      for (const [i, { event }] of response.events.entries()) {
        const bytes = event?.$case === "mesos" ? Event.encode(event.value).finish() : Buffer.alloc(0);
        expect(sortedFields(bytes)).toEqual(sortedFields(all[i] ?? Buffer.alloc(0)));
      }
    }),
  );
});

describe("as part of another message", () => {
  const event: SessionEvent = {
    sequence: 7,
    receiveTimeMs: 1_700_000_000_123,
    ackToken: "token",
    fragment: true,
    body: { kind: "progress", snapshotEnd: true },
  };

  test("an observer gets the event in another field, and no token", () => {
    const { event: seen } = WatchEventsResponse.decode(encodeEvents([event], 2, false));
    expect(seen).toMatchObject({ sequence: 7n, ackToken: "", fragment: true });
    expect(seen?.receiveTime?.toISOString()).toBe("2023-11-14T22:13:20.123Z");
  });

  test("no events are no bytes", () => {
    expect(encodeEvents([], 1).length).toBe(0);
  });

  test("an event of megabytes is copied once, and whole", () => {
    const bytes = Buffer.alloc(3_000_000, 7);
    const encoded = encodeEvents([{ ...event, body: { kind: "mesos", type: 1, bytes, taskId: "", agentId: "" } }], 1);
    expect(encoded.subarray(-bytes.length).equals(bytes)).toBe(true);
    expect(encoded.length).toBeLessThan(bytes.length + 64);
  });
});
