import { expect, test, vi } from "vitest";
import { BridgeError } from "../../../server/session/errors.js";
import { type CallAnswer, RequestMemory } from "../../../server/session/requestMemory.js";

const MINUTE = 60_000;
const ok: CallAnswer = { error: undefined, gone: 0 };
const failed = (reason: ConstructorParameters<typeof BridgeError>[0]): CallAnswer => ({
  error: new BridgeError(reason, "text"),
});
const never = () => expect.unreachable("an answer that nobody waits for");

test("a request is made once, and its answer given to retries", () => {
  const memory = new RequestMemory(performance);
  expect(memory.begin("id", 0, never)).toBe(true);
  const answer: CallAnswer = { error: undefined, gone: 3 };
  memory.answered("id", answer);
  const answers: CallAnswer[] = [];
  expect(memory.begin("id", 1, (each) => answers.push(each))).toBe(false);
  expect(answers).toEqual([answer]);
  expect(memory.begin("other", 1, never)).toBe(true);
});

test("retries of a request under way wait for its answer, in their order", () => {
  const memory = new RequestMemory(performance);
  memory.begin("id", 0, never);
  const order: string[] = [];
  expect(memory.begin("id", 1, () => order.push("first"))).toBe(false);
  expect(memory.begin("id", 2, () => order.push("second"))).toBe(false);
  expect(order).toEqual([]);
  memory.answered("id", ok);
  expect(order).toEqual(["first", "second"]);
  memory.answered("id", ok);
  expect(order.length).toBe(2);
});

test.each(["NO_MASTER", "TOO_MANY_CALLS", "MESOS_CREDENTIALS_REFUSED"] as const)(
  "after %s nothing was sent: a retry is made",
  (reason) => {
    const memory = new RequestMemory(performance);
    memory.begin("id", 0, never);
    const answers: CallAnswer[] = [];
    memory.begin("id", 1, (each) => answers.push(each));
    memory.answered("id", failed(reason));
    expect(answers).toMatchObject([{ error: { reason } }]);
    expect(memory.begin("id", 2, never)).toBe(true);
  },
);

test("after the attachment of the first was refused, a retry that waits is made, and later ones too", () => {
  const memory = new RequestMemory(performance);
  const answers: CallAnswer[] = [];
  const made: ((answer: CallAnswer) => void)[] = [];
  const once = () =>
    memory.once(
      "id",
      (answer) => answers.push(answer),
      (answered) => made.push(answered),
    );
  for (let i = 0; i < 3; i++) once();
  made[0]?.(failed("ATTACHMENT_SUPERSEDED"));
  expect([made.length, answers]).toMatchObject([2, [{ error: { reason: "ATTACHMENT_SUPERSEDED" } }]]);
  made[1]?.(failed("NOT_ATTACHED"));
  once();
  expect(made.length).toBe(3);
  made[2]?.(ok);
  expect(answers.slice(2)).toEqual([ok, ok]);
});

test("a retry that can't be made after all is answered with the reason", () => {
  const memory = new RequestMemory(performance);
  const answers: CallAnswer[] = [];
  let first: ((answer: CallAnswer) => void) | undefined;
  memory.once("id", never, (answered) => {
    first = answered;
  });
  const refuse = () => {
    throw new BridgeError("INVALID_FIELD", "text");
  };
  memory.once("id", (answer) => answers.push(answer), refuse);
  expect(() => first?.(failed("ATTACHMENT_SUPERSEDED"))).toThrow("an answer that nobody waits for");
  expect(answers).toMatchObject([{ error: { reason: "INVALID_FIELD" } }]);
});

test.each(["OUTCOME_UNKNOWN", "CALL_REFUSED", "OFFER_GONE"] as const)("%s is the answer to retries too", (reason) => {
  const memory = new RequestMemory(performance);
  memory.begin("id", 0, never);
  memory.answered("id", failed(reason));
  const answers: CallAnswer[] = [];
  expect(memory.begin("id", 1, (each) => answers.push(each))).toBe(false);
  expect(answers).toMatchObject([{ error: { reason } }]);
});

test("answers are kept for ten minutes", () => {
  const memory = new RequestMemory(performance);
  memory.begin("id", 0, never);
  memory.answered("id", ok);
  expect(memory.begin("id", 10 * MINUTE - 1, () => {})).toBe(false);
  expect(memory.begin("id", 10 * MINUTE, never)).toBe(true);
});

/** Makes a request that is answered at once. True if it was made, and not answered from memory. */
function made(memory: RequestMemory): boolean {
  let sent = false;
  memory.once(
    "id",
    () => {},
    (answered) => {
      sent = true;
      answered(ok);
    },
  );
  return sent;
}

test("ten minutes of the clock that the memory is given: that of a bridge stands still with it", () => {
  let nowMs = 5_000;
  const memory = new RequestMemory({ now: () => nowMs });
  expect(made(memory)).toBe(true);
  nowMs += 10 * MINUTE - 1;
  expect(made(memory)).toBe(false);
  nowMs += 1;
  expect(made(memory)).toBe(true);
});

test("a wall clock that jumps changes nothing", () => {
  const memory = new RequestMemory(performance);
  expect(made(memory)).toBe(true);
  vi.setSystemTime(Date.now() + 60 * MINUTE);
  try {
    expect(made(memory)).toBe(false);
  } finally {
    vi.useRealTimers();
  }
});

test("a request under way is not forgotten, however long it takes", () => {
  const memory = new RequestMemory(performance);
  memory.begin("slow", 0, never);
  const answers: CallAnswer[] = [];
  expect(memory.begin("slow", 60 * MINUTE, (each) => answers.push(each))).toBe(false);
  memory.answered("slow", ok);
  expect(answers).toEqual([ok]);
});

test("holds at most twenty thousand answers, also behind a request that takes long", () => {
  for (const slow of [false, true]) {
    const memory = new RequestMemory(performance);
    if (slow) memory.begin("slow", 0, () => {});
    for (let i = 0; i < 20_010; i++) {
      memory.begin(`id-${i}`, i, never);
      memory.answered(`id-${i}`, ok);
    }
    // The first are forgotten: a retry of them would be made.
    expect(memory.begin("id-0", 20_010, never), `slow: ${slow}`).toBe(true);
    expect(memory.begin("id-20009", 20_010, () => {})).toBe(false);
  }
});

test("what is behind a request that takes long expires in time", () => {
  const memory = new RequestMemory(performance);
  memory.begin("slow", 0, () => {});
  memory.begin("id", 1, never);
  memory.answered("id", ok);
  expect(memory.begin("id", 11 * MINUTE, never)).toBe(true);
});
