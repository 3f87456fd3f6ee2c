import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import type { Evidence } from "../../../server/access/evidence.js";
import type { Identity } from "../../../server/access/identity.js";
import type { Connection } from "../../../server/grpc/connections/connection.js";
import { StreamAges } from "../../../server/grpc/streamAges.js";
import type { BridgeError } from "../../../server/session/errors.js";
import { VirtualClock } from "../../support/virtualClock.js";

const HOUR = 3_600_000;
const certificate: Identity = { kind: "certificate", names: ["cn:a"] };
const token: Identity = { kind: "token", names: ["token:a"] };
const shown: Evidence = { kind: "proven", identity: certificate };
const none: Evidence = { kind: "unproven", problem: undefined };

/** @param chance of each age, in its turn */
function ages(maxMs: number | undefined, chance: number[] = []) {
  const clock = new VirtualClock();
  const ended: string[] = [];
  const randomness = { fraction: () => chance.shift() ?? 0, uuid: () => "" };
  const all = new StreamAges({ maxMs, clock, randomness });
  const connect = (evidence: Evidence) => {
    const socket = new EventEmitter();
    const connection = { evidence, socket } as unknown as Connection;
    all.connectionBegun(connection, { close: () => ended.push("connection") });
    return { connection, socket };
  };
  const limit = (connection: Connection, identity: Identity | undefined, name: string) =>
    all.limit(connection, identity, ({ reason, retryable, status }: BridgeError) => {
      ended.push(name);
      expect({ reason, retryable, status }).toEqual({
        reason: "STREAM_TOO_OLD",
        retryable: true,
        status: "UNAVAILABLE",
      });
    });
  return { clock, ended, connect, limit };
}

test("a stream ends when its token is as old as it may become", async () => {
  const { clock, ended, connect, limit } = ages(HOUR);
  const { connection } = connect(none);
  limit(connection, token, "first");
  await clock.advance(HOUR / 2);
  limit(connection, token, "second");
  await clock.advance(HOUR / 2 - 1);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(["first"]);
  await clock.advance(HOUR / 2);
  expect(ended).toEqual(["first", "second"]);
});

test("streams that began together end one after the other, none of them late", async () => {
  const { clock, ended, connect, limit } = ages(HOUR, [0.999, 0.5, 0]);
  const { connection } = connect(none);
  for (const name of ["a", "b", "c"]) limit(connection, token, name);
  await clock.advance(HOUR * 0.91);
  expect(ended).toEqual(["a"]);
  await clock.advance(HOUR * 0.04);
  expect(ended).toEqual(["a", "b"]);
  await clock.advance(HOUR * 0.05);
  expect(ended).toEqual(["a", "b", "c"]);
});

test("a connection's credentials age with it: it takes no calls any more, and then its streams end", async () => {
  const { clock, ended, connect, limit } = ages(HOUR);
  const { connection } = connect(shown);
  await clock.advance(HOUR - 1);
  limit(connection, certificate, "young");
  limit(connection, undefined, "health");
  limit(connection, token, "token");
  await clock.advance(1);
  expect(ended).toEqual(["connection", "young", "health"]);
});

test("nothing ends without an age, for callers that nobody knows, and what has ended by itself", async () => {
  const off = ages(undefined);
  off.limit(off.connect(shown).connection, certificate, "off");
  const on = ages(HOUR);
  on.limit(on.connect(none).connection, { kind: "anonymous" }, "anonymous");
  on.limit(on.connect(none).connection, undefined, "health");
  on.limit(on.connect(none).connection, token, "over")();
  const { connection, socket } = on.connect(shown);
  on.limit(connection, certificate, "gone");
  socket.emit("close");
  for (const { clock, ended } of [off, on]) {
    expect(clock.timers).toBe(0);
    await clock.advance(2 * HOUR);
    expect(ended).toEqual([]);
  }
});
