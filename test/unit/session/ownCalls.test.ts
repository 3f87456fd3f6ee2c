import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Call, Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import type { CallOutcome } from "../../../server/mesos/link/callOutcome.js";
import { buildCall, type CallMessage, CallType } from "../../../server/mesos/messages/calls.js";
import { OwnCalls } from "../../../server/session/ownCalls.js";
import { Repetition } from "../../../server/session/repetition.js";
import { Suppression } from "../../../server/session/suppression.js";
import { surroundings } from "../../../server/session/surroundings.js";
import { keptLog } from "./samples.js";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const accepted: CallOutcome = { kind: "accepted" };
const refused: CallOutcome = { kind: "refused", cause: "unauthorized", reason: "because", message: "no", metadata: {} };
const unknown: CallOutcome = { kind: "unknown", message: "the link broke" };
const LONGEST_WAIT_MS = 15_000;

interface Sent {
  /** As `DECLINE a b`. */
  readonly text: string;
  readonly answer: (outcome: CallOutcome) => void;
}

/** The own calls of a framework of two roles, on a link that the test plays; each call is answered so, or not yet. */
function ownCalls(outcome?: CallOutcome) {
  const sent: Sent[] = [];
  const { log, lines } = keptLog();
  const suppression = new Suppression(["a", "b"], []);
  const repetition = new Repetition({ log, frameworkName: () => "name", guard: (work) => work(), ...surroundings({}) });
  const subject = {
    outcome,
    repetition,
    own: new OwnCalls({
      send: (call, done) => {
        sent.push({ text: textOf(call), answer: done });
        if (subject.outcome) done(subject.outcome);
      },
      suppression,
      repetition,
    }),
    suppression,
    lines,
    subscribe() {
      suppression.subscribing();
      subject.own.subscribed();
    },
    /** The calls since this was asked last. */
    taken: () => sent.splice(0),
    texts: () => subject.taken().map(({ text }) => text),
    away(away: boolean) {
      suppression.setAway(away);
      subject.own.rolesChanged();
    },
  };
  subject.subscribe();
  return subject;
}

function textOf({ bytes }: CallMessage): string {
  const call = Call.decode(bytes);
  const ids = call.decline?.offerIds.map(({ value }) => value) ?? [];
  const roles = [...(call.suppress?.roles ?? []), ...(call.revive?.roles ?? [])];
  return [Call_Type[call.type ?? 0], ...ids, ...roles].join(" ");
}

test("what is taken is said once, and not logged", () => {
  const { own, away, texts, lines, subscribe } = ownCalls(accepted);
  own.declineOffers(["1", "2"]);
  away(true);
  own.say("x", buildCall(CallType.RECONCILE_OPERATIONS));
  away(false);
  expect(texts()).toEqual(["DECLINE 1 2", "SUPPRESS", "RECONCILE_OPERATIONS", "REVIVE a b"]);
  own.rolesChanged();
  subscribe();
  expect([texts(), lines]).toEqual([[], []]);
});

test.each([
  ["refused", refused],
  ["refused by a proxy", { ...refused, cause: "call" } as const],
  ["not sent, as too much waits", { kind: "too-many", message: "20000 calls wait" } as const],
])(
  "what is %s is repeated after bounded waits until it is taken, with one line in the log for each of both",
  (_, no) => {
    const subject = ownCalls(no);
    const { own, away, texts, lines } = subject;
    own.declineOffers(["1"]);
    away(true);
    own.say("x", buildCall(CallType.RECONCILE_OPERATIONS));
    texts();
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(LONGEST_WAIT_MS);
      expect(new Set(texts())).toEqual(new Set(["DECLINE 1", "SUPPRESS", "RECONCILE_OPERATIONS"]));
    }
    expect(lines).toEqual([{ level: "warn", framework: "name", call: "DECLINE", reason: expect.any(String) }]);
    subject.outcome = accepted;
    vi.advanceTimersByTime(LONGEST_WAIT_MS);
    expect(texts()).toEqual(["DECLINE 1", "SUPPRESS", "RECONCILE_OPERATIONS"]);
    vi.advanceTimersByTime(10 * LONGEST_WAIT_MS);
    expect(texts()).toEqual([]);
    expect(lines.slice(1)).toEqual([{ level: "info", framework: "name" }]);
    // The next trouble is told again.
    subject.outcome = no;
    own.declineOffers(["2"]);
    expect(lines).toHaveLength(3);
    own.end();
  },
);

test("waits grow, and a burst of trouble is one wait", () => {
  const subject = ownCalls(refused);
  for (let i = 0; i < 1_000; i++) subject.own.declineOffers([`${i}`]);
  expect(subject.taken()).toHaveLength(1);
  let rounds = 0;
  for (let ms = 0; ms < 60_000; ms++) {
    vi.advanceTimersByTime(1);
    if (subject.taken().length > 0) rounds++;
  }
  expect(rounds).toBeGreaterThan(4);
  expect(rounds).toBeLessThan(60);
  subject.own.end();
});

test("a client that comes or leaves is a reason to try at once", () => {
  const subject = ownCalls(refused);
  subject.own.declineOffers(["1"]);
  subject.away(true);
  expect(subject.texts()).toEqual(["DECLINE 1", "DECLINE 1", "SUPPRESS"]);
  subject.outcome = accepted;
  subject.away(false);
  // Nobody knows what Mesos made of the SUPPRESS.
  expect(subject.texts()).toEqual(["DECLINE 1", "REVIVE a b"]);
  expect(subject.lines.at(-1)).toMatchObject({ level: "info" });
});

test("credentials that are replaced are a reason to try at once", () => {
  const subject = ownCalls(refused);
  subject.own.declineOffers(["1"]);
  subject.texts();
  subject.outcome = accepted;
  subject.repetition.tryNow();
  expect(subject.texts()).toEqual(["DECLINE 1"]);
  subject.repetition.tryNow();
  expect(subject.texts()).toEqual([]);
});

test("only what is wanted by then is repeated", () => {
  const subject = ownCalls(refused);
  subject.away(true);
  subject.away(false);
  subject.suppression.suppressed(["a"]);
  subject.texts();
  vi.advanceTimersByTime(LONGEST_WAIT_MS);
  expect(new Set(subject.texts())).toEqual(new Set(["REVIVE b"]));
  subject.outcome = accepted;
  subject.suppression.suppressed(["b"]);
  vi.advanceTimersByTime(LONGEST_WAIT_MS);
  // A REVIVE without a role would be one of all.
  expect(subject.texts()).toEqual([]);
  expect(subject.lines).toMatchObject([{ level: "warn" }, { level: "info" }]);
});

test("what somebody else repeats is not repeated here, and one trouble is told once", () => {
  const subject = ownCalls(refused);
  for (let i = 0; i < 5; i++) {
    subject.own.sayOnce(buildCall(CallType.RECONCILE));
    vi.advanceTimersByTime(4 * LONGEST_WAIT_MS);
  }
  expect(subject.texts()).toHaveLength(5);
  expect(subject.lines).toHaveLength(1);
  subject.outcome = accepted;
  subject.own.sayOnce(buildCall(CallType.RECONCILE));
  expect(subject.lines).toHaveLength(2);
});

test("an offer that Mesos has taken back is not declined any more", () => {
  const subject = ownCalls(refused);
  for (let i = 0; i < 100; i++) {
    subject.own.declineOffers([`${i}`]);
    if (i < 99) subject.own.offerGone(`${i}`);
  }
  subject.outcome = accepted;
  subject.texts();
  vi.advanceTimersByTime(LONGEST_WAIT_MS);
  expect(subject.texts()).toEqual(["DECLINE 99"]);
});

describe("a link that breaks", () => {
  test.each([
    ["the answer is lost", unknown],
    ["the subscription is over", { ...refused, cause: "not-subscribed" } as const],
    ["nothing is sent", { kind: "not-sent", message: "no master yet" } as const],
  ])("%s: the next subscription gives offers back and says the roles; the rest is said again", (_, outcome) => {
    const subject = ownCalls(outcome);
    const { own, away, texts, subscribe, lines } = subject;
    own.declineOffers(["1"]);
    away(true);
    own.say("x", buildCall(CallType.RECONCILE_OPERATIONS));
    own.disconnected();
    texts();
    own.say("y", buildCall(CallType.RECONCILE));
    vi.advanceTimersByTime(10 * LONGEST_WAIT_MS);
    expect(texts()).toEqual([]);
    subject.outcome = accepted;
    subscribe();
    expect(texts()).toEqual(["RECONCILE_OPERATIONS", "RECONCILE"]);
    // The link tells of it itself.
    expect(lines).toEqual([]);
  });

  test("trouble that a new subscription ends is told to be over", () => {
    const subject = ownCalls(refused);
    subject.away(true);
    subject.own.disconnected();
    subject.outcome = accepted;
    subject.subscribe();
    expect(subject.texts()).toEqual(["SUPPRESS"]);
    expect(subject.lines).toMatchObject([{ level: "warn" }, { level: "info" }]);
  });

  test("a client that leaves, or comes, while a SUBSCRIBE is on its way: Mesos is told after it", () => {
    const { own, suppression, texts } = ownCalls(accepted);
    for (const [away, call] of [
      [true, "SUPPRESS"],
      [false, "REVIVE a b"],
    ] as const) {
      own.disconnected();
      suppression.subscribing();
      suppression.setAway(away);
      own.rolesChanged();
      expect(texts()).toEqual([]);
      own.subscribed();
      expect(texts()).toEqual([call]);
    }
  });
});

test("calls of a former framework that are refused late are not made for the new one", () => {
  const { own, taken, texts, subscribe } = ownCalls();
  own.say("x", buildCall(CallType.RECONCILE));
  const [call] = taken();
  own.clear();
  call?.answer(unknown);
  subscribe();
  expect(texts()).toEqual([]);
});

test("as many calls are kept as are bounded, the newest", () => {
  const subject = ownCalls(refused);
  for (let i = 0; i < 5_000; i++) subject.own.say(`${i}`, buildCall(CallType.ACKNOWLEDGE));
  subject.texts();
  subject.outcome = accepted;
  vi.advanceTimersByTime(LONGEST_WAIT_MS);
  expect(subject.texts()).toHaveLength(1_000);
});
