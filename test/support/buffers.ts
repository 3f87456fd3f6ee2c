import { expect } from "vitest";

/** Compares bytes as bytes. vitest looks at each one as at a value of its own: seconds for a picture or a colour profile. */
expect.addEqualityTesters([
  (one: unknown, other: unknown) => (Buffer.isBuffer(one) && Buffer.isBuffer(other) ? one.equals(other) : undefined),
]);
