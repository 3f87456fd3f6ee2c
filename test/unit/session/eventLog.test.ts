import fc from "fast-check";
import { expect, test } from "vitest";
import { EventLog } from "../../../server/session/eventLog.js";
import { eventBytes, type SessionEvent } from "../../../server/session/sessionEvent.js";
import { body } from "./samples.js";

/** The kept events, from the oldest on. */
function kept(log: EventLog): SessionEvent[] {
  const events: SessionEvent[] = [];
  for (let sequence = log.firstSequence; sequence <= log.lastSequence; sequence++) {
    const event = log.at(sequence);
    if (event) events.push(event);
  }
  return events;
}

test("numbers events from 1 on", () => {
  const log = new EventLog();
  expect([log.firstSequence, log.lastSequence]).toEqual([1, 0]);
  expect(log.at(1)).toBeUndefined();
  const first = log.append(body(10), 1_000, "token", true);
  expect(first).toMatchObject({ sequence: 1, receiveTimeMs: 1_000, ackToken: "token", fragment: true });
  expect(log.append(body(10), 1_001)).toMatchObject({ sequence: 2, ackToken: "", fragment: false });
  expect(log.at(1)).toBe(first);
  expect([log.at(0), log.at(3), log.at(-1)]).toEqual([undefined, undefined, undefined]);
});

test("keeps the newest events within both bounds, whatever comes", () => {
  const sizes = fc.array(fc.nat({ max: 2_000 }), { maxLength: 60 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 8_000 }),
      (all, maxEvents, maxBytes) => {
        const log = new EventLog({ maxEvents, maxBytes });
        for (const [i, size] of all.entries()) {
          const event = log.append(body(size), i);
          expect(event.sequence).toBe(i + 1);
          const events = kept(log);
          expect(events.at(-1)).toBe(event);
          expect(events.length).toBe(log.lastSequence - log.firstSequence + 1);
          expect(log.bytes).toBe(events.reduce((sum, each) => sum + eventBytes(each), 0));
          expect(events.length).toBeLessThanOrEqual(maxEvents);
          if (events.length > 1) expect(log.bytes).toBeLessThanOrEqual(maxBytes);
        }
      },
    ),
  );
});

test("an event over the bound is kept while it is the newest", () => {
  const log = new EventLog({ maxBytes: 1_000 });
  log.append(body(1), 0);
  const large = log.append(body(100_000), 0);
  expect(kept(log)).toEqual([large]);
  log.append(body(1), 0);
  expect(log.firstSequence).toBe(3);
});

test("stays exact over many events", () => {
  const log = new EventLog({ maxEvents: 100 });
  for (let i = 1; i <= 20_000; i++) log.append(body(i % 7), i);
  expect([log.firstSequence, log.lastSequence]).toEqual([19_901, 20_000]);
  expect(kept(log).map((event) => event.receiveTimeMs)).toEqual(kept(log).map((event) => event.sequence));
});

test("replace puts another body in an event's place, and only while it is kept", () => {
  const log = new EventLog({ maxEvents: 2 });
  const first = log.append(body(10), 1, "token");
  const replaced = log.replace(first, body(500));
  expect(replaced).toEqual({ ...first, body: body(500) });
  expect(log.at(1)).toBe(replaced);
  expect(log.bytes).toBe(200 + 500);
  expect(log.replace(first, body(1))).toBeUndefined();
  log.append(body(0), 2);
  log.append(body(0), 3);
  expect(replaced && log.replace(replaced, body(1))).toBeUndefined();
  expect(log.bytes).toBe(400);
});

test("cancel leaves a sign of life, so that no sequence is missing", () => {
  const log = new EventLog();
  log.append(body(10), 1);
  const event = log.append(body(10), 2);
  log.append(body(10), 3);
  log.cancel(event);
  expect(log.at(2)).toMatchObject({ sequence: 2, body: { kind: "progress", snapshotEnd: false } });
  expect(kept(log).map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
  log.cancel(event);
  expect(log.bytes).toBe(3 * 200 + 20);
});
