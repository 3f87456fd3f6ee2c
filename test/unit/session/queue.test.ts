import fc from "fast-check";
import { expect, test } from "vitest";
import { Queue } from "../../../server/session/queue.js";

test("gives back what came first, however many are pushed and taken in between", () => {
  const steps = fc.array(fc.record({ push: fc.nat(3_000), shift: fc.nat(3_000) }), { maxLength: 12 });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new Queue<number>();
      let pushed = 0;
      let taken = 0;
      for (const { push, shift } of all) {
        for (let i = 0; i < push; i++) queue.push(pushed++);
        for (let i = 0; i < shift && taken < pushed; i++) {
          if (queue.first !== taken || queue.shift() !== taken) expect.unreachable(`${taken} is not the first`);
          taken++;
        }
        expect(queue.size).toBe(pushed - taken);
      }
    }),
    { numRuns: 50 },
  );
});

test("has no first where there is none", () => {
  const queue = new Queue<number>();
  expect([queue.first, queue.shift(), queue.size]).toEqual([undefined, undefined, 0]);
  queue.push(1);
  queue.clear();
  expect([queue.first, queue.shift(), queue.size]).toEqual([undefined, undefined, 0]);
});
