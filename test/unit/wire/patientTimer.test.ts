import { connect, type Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { PatientTimer } from "../../../wire/patientTimer.js";
import { Arrivals } from "../../support/arrivals.js";
import { Cleanup } from "../../support/cleanup.js";
import { FakeMaster } from "../../support/fakeMaster.js";
import { watchLeftovers } from "../../support/leftovers.js";
import { standStill } from "../../support/standStill.js";

let cleanup: Cleanup;
let nothingLeft: () => Promise<void>;

beforeEach(() => {
  cleanup = new Cleanup();
  nothingLeft = watchLeftovers();
});

afterEach(async () => {
  await cleanup.run();
  await nothingLeft();
});

/** A timer, and when it called back. */
function timer(): { timer: PatientTimer; silences: Arrivals<number> } {
  const silences = new Arrivals<number>();
  const subject = new PatientTimer((ms) => silences.push(ms));
  cleanup.defer(() => subject.stop());
  return { timer: subject, silences };
}

/** A peer that has sent something which is not read yet; the timer is refreshed by reading it. */
async function withBytesThatWait(subject: PatientTimer): Promise<Socket> {
  const peer = cleanup.use(await FakeMaster.start());
  const socket = connect(peer.port, "127.0.0.1");
  cleanup.defer(() => socket.destroy());
  const connection = await peer.connections.next();
  socket.on("data", () => subject.refresh());
  connection.write("a heartbeat");
  return socket;
}

test("calls back once when nothing refreshed it", async () => {
  const { timer: subject, silences } = timer();
  subject.start(20);
  expect(await silences.next()).toBe(20);
  subject.refresh();
  for (let i = 0; i < 5; i++) await turn();
  expect(silences.all).toEqual([20]);
});

test("a peer whose bytes wait in the socket is not silent", async () => {
  const { timer: subject, silences } = timer();
  subject.start(100);
  const socket = await withBytesThatWait(subject);
  standStill(300);
  for (let i = 0; i < 5; i++) await turn();
  expect(socket.bytesRead).toBeGreaterThan(0);
  expect(silences.all).toEqual([]);
  // From then on it counts anew.
  expect(await silences.next()).toBe(100);
});

test("time in which the process stood still does not count", async () => {
  const { timer: subject, silences } = timer();
  const startedMs = performance.now();
  subject.start(600);
  standStill(1_700);
  for (let i = 0; i < 5; i++) await turn();
  expect(silences.all).toEqual([]);
  expect(await silences.next()).toBe(600);
  expect(performance.now() - startedMs).toBeGreaterThan(2_250);
});

test("what is read after a standstill starts the whole time anew", async () => {
  const { timer: subject, silences } = timer();
  subject.start(300);
  standStill(1_400);
  for (let i = 0; i < 5; i++) await turn();
  subject.refresh();
  const refreshedMs = performance.now();
  expect(await silences.next()).toBe(300);
  expect(performance.now() - refreshedMs).toBeGreaterThan(290);
});

test.each([
  ["while it waits", async () => {}],
  [
    "while it is due",
    async () => {
      const fired = new Promise((resolve) => setTimeout(resolve, 30));
      // Then both are due at once and fire one after the other: its own has fired, and the turns that it yields are to come.
      standStill(60);
      await fired;
    },
  ],
])("stopped %s, it does not call back", async (_, until) => {
  const { timer: subject, silences } = timer();
  subject.start(30);
  await until();
  subject.stop();
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(silences.all).toEqual([]);
});

test("a time that is longer than a timer of Node does not end at once", async () => {
  const { timer: subject, silences } = timer();
  subject.start(2 ** 40);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(silences.all).toEqual([]);
});
