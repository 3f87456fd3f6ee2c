import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import type { CallOutcome } from "../../../server/mesos/callOutcome.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import { Teardown } from "../../../server/session/teardown.js";
import { standStill } from "../../support/standStill.js";

const SOON_MS = 20;

/** A session whose link the test plays. */
function host() {
  const sent: Array<(outcome: CallOutcome) => void> = [];
  const ends: boolean[] = [];
  const teardown = new Teardown(
    {
      frameworkId: () => "framework",
      send: (_call, done) => sent.push(done),
      done: async (asked) => void ends.push(asked),
      guard: (work) => work(),
    },
    SOON_MS,
  );
  const ask = () => new Promise<CallAnswer>((resolve) => teardown.ask(resolve));
  return { teardown, sent, ends, ask };
}

const broken: CallOutcome = { kind: "unknown", message: "the link broke" };

test("whose link does not come back has an unknown outcome in time", async () => {
  const { sent, ends, ask } = host();
  const answer = ask();
  sent[0]?.(broken);
  expect((await answer).error?.reason).toBe("OUTCOME_UNKNOWN");
  expect(ends).toEqual([]);
});

test("whose answer waits in the socket of a bridge that stood still was answered in time", async () => {
  const { sent, ask } = host();
  const answer = ask();
  // From here on timers come first.
  await turn();
  setImmediate(() => sent[0]?.({ kind: "accepted" }));
  standStill(2 * SOON_MS);
  expect((await answer).error).toBeUndefined();
});

test("that turns out to be taken after that ends the session as the client asked", async () => {
  const { teardown, sent, ends, ask } = host();
  const answer = ask();
  sent[0]?.(broken);
  await answer;
  expect(teardown.removed()).toBe(true);
  expect(ends).toEqual([true]);
});

test("that Mesos did not get, and nobody waits for any more, is not sent again", async () => {
  const { teardown, sent, ask } = host();
  const answer = ask();
  sent[0]?.(broken);
  await answer;
  teardown.connected();
  expect(sent.length).toBe(1);
  expect(teardown.removed()).toBe(false);
});

test("that somebody waits for is sent again, and answered", async () => {
  const { teardown, sent, ends, ask } = host();
  const answer = ask();
  sent[0]?.(broken);
  teardown.connected();
  sent[1]?.({ kind: "accepted" });
  expect((await answer).error).toBeUndefined();
  expect(ends).toEqual([true]);
});
