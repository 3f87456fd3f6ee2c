import { expect, test } from "vitest";
import { Timestamp } from "../../../gen/google/protobuf/timestamp.js";
import { timestampBytes } from "../../../server/grpc/timestamp.js";

test.each([0, 1, 999, 1000, 1_700_000_000_000, 1_700_000_000_001, 1_700_000_000_999.5])(
  "%d ms are the time that a generated decoder reads",
  (ms) => {
    for (const bytes of [timestampBytes(ms), timestampBytes(ms)]) {
      const { seconds, nanos } = Timestamp.decode(bytes);
      expect(Number(seconds) * 1000 + nanos / 1e6).toBe(ms);
    }
  },
);
