import { Buckets } from "../../wire/buckets.js";

const WRITE_SECONDS = [0.0005, 0.001, 0.005, 0.025, 0.1, 0.5, 2.5];

/** What writing to the data directory takes. */
export class StoreCounts {
  /** How long writes took until what they hold was on the disk, in seconds. */
  readonly writes = new Buckets(WRITE_SECONDS);
  failures = 0;
}
