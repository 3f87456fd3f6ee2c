import { TimestampFields } from "../../gen/google/protobuf/timestamp.fields.js";
import { VARINT, varintSize, writeVarint } from "../../wire/proto.js";

const TAG_SECONDS = (TimestampFields.seconds << 3) | VARINT;
const TAG_NANOS = (TimestampFields.nanos << 3) | VARINT;

let lastTimeMs = -1;
let lastTimestamp = Buffer.alloc(0);

/** A serialized `google.protobuf.Timestamp`, not to be changed: events of one chunk share their time, so it is kept. */
export function timestampBytes(timeMs: number): Buffer {
  if (timeMs === lastTimeMs) return lastTimestamp;
  const seconds = Math.floor(timeMs / 1000);
  const nanos = Math.round((timeMs - seconds * 1000) * 1e6);
  const out = Buffer.alloc(1 + varintSize(seconds) + (nanos === 0 ? 0 : 1 + varintSize(nanos)));
  out[0] = TAG_SECONDS;
  const at = writeVarint(out, 1, seconds);
  if (nanos !== 0) {
    out[at] = TAG_NANOS;
    writeVarint(out, at + 1, nanos);
  }
  lastTimeMs = timeMs;
  lastTimestamp = out;
  return out;
}
