import fc from "fast-check";
import { expect, test } from "vitest";
import { CHUNK_BYTES, MessageMeter } from "../../../server/grpc/connections/messageMeter.js";
import { framed } from "../../support/hostileClient.js";

test("knows after each byte how much of a message has come", () => {
  const meter = new MessageMeter();
  const bytes = framed(Buffer.alloc(3));
  const seen: number[] = [];
  for (const byte of bytes) {
    meter.push(Buffer.of(byte));
    seen.push(meter.partial);
  }
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 0]);
  expect(meter.messages).toBe(1);
});

test("counts messages, however they are cut, and empty ones too", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 300 })),
      fc.integer({ min: 1, max: 50 }),
      fc.nat({ max: 20 }),
      (sizes, cut, rest) => {
        const whole = Buffer.concat(sizes.map((size) => framed(Buffer.alloc(size))));
        const begun = framed(Buffer.alloc(30)).subarray(0, rest);
        const bytes = Buffer.concat([whole, begun]);
        const meter = new MessageMeter();
        for (let at = 0; at < bytes.length; at += cut) meter.push(bytes.subarray(at, at + cut));
        expect(meter.messages).toBe(sizes.length);
        expect(meter.partial).toBe(rest);
      },
    ),
  );
});

test("takes a compressed message for a thousand times its size, until more comes", () => {
  const meter = new MessageMeter();
  meter.push(framed(Buffer.alloc(10)));
  expect(meter.unpacked).toBe(0);
  meter.push(
    Buffer.concat([framed(Buffer.alloc(10), { compressed: true }), framed(Buffer.alloc(5), { compressed: true })]),
  );
  expect(meter.unpacked).toBe(15 * 1032);
  meter.push(framed(Buffer.alloc(10)));
  expect(meter.unpacked).toBe(0);
});

test("counts each chunk of a message that is not whole: tiny ones cost more than their bytes", () => {
  const meter = new MessageMeter();
  const bytes = framed(Buffer.alloc(1_000));
  for (const byte of bytes.subarray(0, 500)) meter.push(Buffer.of(byte));
  expect(meter.held).toBe(500 + 500 * CHUNK_BYTES);
  meter.push(bytes.subarray(500));
  expect(meter.held).toBe(0);
});
