import { describe, expect, test } from "vitest";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { Repetition } from "../../../server/session/repetition.js";
import type { CallAnswer } from "../../../server/session/requestMemory.js";
import { surroundings } from "../../../server/session/surroundings.js";
import { Teardown } from "../../../server/session/teardown.js";
import { VirtualClock } from "../../support/virtualClock.js";
import { keptLog } from "./samples.js";

const SOON_MS = 20;
/** No call of the bridge's own is made again later than this. */
const LONGEST_WAIT_MS = 15_000;

/** A session whose link the test plays. */
function host() {
  const sent: Array<(outcome: CallOutcome) => void> = [];
  const ends: boolean[] = [];
  const { log, lines } = keptLog();
  const guard = (work: () => void) => work();
  const clock = new VirtualClock();
  const repetition = new Repetition({ log, frameworkName: () => "name", guard, ...surroundings({ clock }) });
  const teardown = new Teardown(
    {
      send: (_call, done) => sent.push(done),
      done: async (asked) => {
        ends.push(asked);
      },
      repetition,
      guard,
      clock,
    },
    SOON_MS,
  );
  const ask = () => new Promise<CallAnswer>((resolve) => teardown.ask(resolve));
  return { teardown, sent, ends, ask, lines, clock };
}

const broken: CallOutcome = { kind: "unknown", message: "the link broke" };

test("whose link does not come back has an unknown outcome in time", async () => {
  const { sent, ends, ask, clock } = host();
  const answer = ask();
  sent[0]?.(broken);
  await clock.advance(SOON_MS);
  expect((await answer).error?.reason).toBe("OUTCOME_UNKNOWN");
  expect(ends).toEqual([]);
});

test("whose answer waits in the socket of a bridge that stood still was answered in time", async () => {
  const { sent, ask, clock } = host();
  const answer = ask();
  setImmediate(() => sent[0]?.({ kind: "accepted" }));
  await clock.standStill(2 * SOON_MS);
  expect((await answer).error).toBeUndefined();
});

test("that turns out to be taken after that ends the session as the client asked", async () => {
  const { teardown, sent, ends, ask, clock } = host();
  const answer = ask();
  sent[0]?.(broken);
  await clock.advance(SOON_MS);
  await answer;
  expect(teardown.removed()).toBe(true);
  expect(ends).toEqual([true]);
});

test("that Mesos did not get, and nobody waits for any more, is not sent again", async () => {
  const { teardown, sent, ask, clock } = host();
  const answer = ask();
  sent[0]?.(broken);
  await clock.advance(SOON_MS);
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

const refused: CallOutcome = { kind: "refused", cause: "unauthorized", reason: "because", message: "no", metadata: {} };

describe("that the lease demands", () => {
  test.each([
    ["is refused", refused],
    ["is not sent, as too much waits", { kind: "too-many", message: "20000 calls wait" } as const],
  ])("and %s is repeated until it is taken, with a line in the log for each of both", async (_, outcome) => {
    const { teardown, sent, ends, lines, clock } = host();
    teardown.demand(true);
    for (let i = 0; i < 3; i++) {
      expect(sent).toHaveLength(i + 1);
      sent[i]?.(outcome);
      await clock.advance(LONGEST_WAIT_MS);
    }
    expect(sent).toHaveLength(4);
    expect(lines).toEqual([{ level: "warn", framework: "name", call: "TEARDOWN", reason: expect.any(String) }]);
    sent[3]?.({ kind: "accepted" });
    expect(ends).toEqual([false]);
    expect(lines.slice(1)).toEqual([{ level: "info", framework: "name" }]);
  });

  test("is not repeated once a client is back", async () => {
    const { teardown, sent, lines, clock } = host();
    teardown.demand(true);
    sent[0]?.(refused);
    teardown.withdraw();
    await clock.advance(LONGEST_WAIT_MS);
    expect(sent).toHaveLength(1);
    expect(lines).toHaveLength(2);
  });

  test("is not repeated once the session has ended", async () => {
    const { teardown, sent, clock } = host();
    teardown.demand(true);
    teardown.end();
    sent[0]?.(refused);
    await clock.advance(LONGEST_WAIT_MS);
    expect(sent).toHaveLength(1);
  });

  test("waits for the next subscription if the link is to blame", async () => {
    const { teardown, sent, lines, clock } = host();
    teardown.demand(true);
    sent[0]?.({ ...refused, cause: "not-subscribed" });
    teardown.disconnected();
    await clock.advance(LONGEST_WAIT_MS);
    expect(sent).toHaveLength(1);
    teardown.connected();
    sent[1]?.(broken);
    teardown.disconnected();
    teardown.connected();
    expect(sent).toHaveLength(3);
    expect(lines).toMatchObject([{ level: "warn", reason: expect.stringContaining("lost with the link") }]);
  });
});

test("that a client asked for and that is refused has no part in one that the lease demands later", async () => {
  const { teardown, sent, ends, ask } = host();
  const answer = ask();
  sent[0]?.(refused);
  await answer;
  teardown.demand(true);
  sent[1]?.({ kind: "accepted" });
  expect(ends).toEqual([false]);
});

test("that was answered while another one is asked for again is in doubt until a subscription stands", async () => {
  const { teardown, sent, ends, ask } = host();
  const first = ask();
  sent[0]?.(broken);
  const second = ask();
  expect(sent).toHaveLength(2);
  sent[1]?.(refused);
  expect(teardown.underWay).toBe(true);
  expect(teardown.removed()).toBe(true);
  expect([(await first).error, (await second).error]).toEqual([undefined, undefined]);
  expect(ends).toEqual([true]);
});

test("that a client asked for and that is refused is not repeated: the client is told", async () => {
  const { sent, ask, clock } = host();
  const answer = ask();
  sent[0]?.(refused);
  expect((await answer).error?.reason).toBe("MESOS_CREDENTIALS_REFUSED");
  await clock.advance(LONGEST_WAIT_MS);
  expect(sent).toHaveLength(1);
});
