import { expect, test } from "vitest";
import { type Handover, inSuccession } from "../../../server/cli/successor.js";

/** Something that is busy for so many attempts. */
function busyFor(attempts: number): { attempt: () => Promise<string>; made: () => number } {
  let made = 0;
  const attempt = async () => {
    if (++made <= attempts) throw new Error(`in use ${made}`);
    return "mine";
  };
  return { attempt, made: () => made };
}

function handover(deadlineMs: number): Handover & { waits: string[] } {
  const waits: string[] = [];
  return { deadlineMs, isBusy: () => true, onWait: ({ message }) => waits.push(message), waits };
}

test("an attempt is repeated until it works, and the wait is told once", async () => {
  const { attempt } = busyFor(2);
  const patient = handover(performance.now() + 60_000);
  expect(await inSuccession(attempt, patient)).toBe("mine");
  expect(patient.waits).toEqual(["in use 1"]);
});

test("the time is for all that is waited for together: once it is over, the next attempt is the last", async () => {
  const { attempt, made } = busyFor(1);
  const over = handover(performance.now());
  await expect(inSuccession(attempt, over)).rejects.toThrow("in use 1");
  expect([made(), over.waits]).toEqual([1, []]);
});

test("what no wait can fix is thrown at once", async () => {
  const { attempt, made } = busyFor(1);
  const patient = { ...handover(performance.now() + 60_000), isBusy: () => false };
  await expect(inSuccession(attempt, patient)).rejects.toThrow("in use 1");
  expect(made()).toBe(1);
});
