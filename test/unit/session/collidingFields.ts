import { varintField } from "../../../wire/proto.js";

const MAX_FIELD_NUMBER = 0x1fffffff;
const BUCKETS = 8_192;

/** Serialized fields whose numbers are all in one bucket of a Map or Set of V8, as long as it has not too many. */
export function collidingFields(count: number): Buffer[] {
  const fields: Buffer[] = [];
  for (let number = 100; number <= MAX_FIELD_NUMBER && fields.length < count; number++) {
    if (hashOf(number) % BUCKETS === 0) fields.push(varintField(number, 1));
  }
  return fields;
}

/** V8's hash of a small integer, which has no seed. */
function hashOf(key: number): number {
  let hash = (~key + (key << 15)) >>> 0;
  hash = (hash ^ (hash >>> 12)) >>> 0;
  hash = (hash + (hash << 2)) >>> 0;
  hash = (hash ^ (hash >>> 4)) >>> 0;
  hash = Math.imul(hash, 2057) >>> 0;
  return (hash ^ (hash >>> 16)) & 0x3fffffff;
}
