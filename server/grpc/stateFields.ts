import { StateChangeFields } from "../../gen/mesosbridge/v1/scheduler.fields.js";
import { invalidField } from "../session/errors.js";
import type { StateChange } from "../session/schedulerState.js";
import { RequestFields } from "./requestFields.js";

/** Of one key. A store may have to hold a change as a whole. */
export const MAX_VALUE_BYTES = 512 * 1024;
/** Of one launch. */
const MAX_CHANGES = 1_000;

const KEY = /^[\w.:/-]{1,255}$/;
const NO_BYTES = new Uint8Array(0);

/** @throws BridgeError INVALID_FIELD */
export function checkKey(key: string, field: string): string {
  if (!KEY.test(key)) throw invalidField(field, "must have 1 to 255 letters, digits and characters of ._-:/");
  return key;
}

/** @throws BridgeError INVALID_FIELD */
export function checkValue(value: Uint8Array = NO_BYTES): Uint8Array {
  if (value.length <= MAX_VALUE_BYTES) return value;
  throw invalidField("value", `must have at most 512 KiB, and has ${value.length} bytes`);
}

/** The changes of the state in a repeated field of a launch. @throws BridgeError INVALID_FIELD, WireError */
export function readStateChanges(request: RequestFields, field: number): StateChange[] {
  const count = request.count(field);
  if (count > MAX_CHANGES) throw invalidField("state", `must have at most ${MAX_CHANGES} changes, and has ${count}`);
  const changes = request.messages(field).map((bytes, i) => readChange(new RequestFields(bytes), `state[${i}]`));
  const keys = new Set<string>();
  for (const [i, { key }] of changes.entries()) {
    if (keys.has(key))
      throw invalidField(`state[${i}].key`, "must not be that of another change: send one for each key");
    keys.add(key);
  }
  return changes;
}

function readChange(change: RequestFields, path: string): StateChange {
  const { key, value, ifVersion, delete: deletes } = StateChangeFields;
  const isDeleted = (change.optionalVarint(deletes) ?? 0) !== 0;
  const given = change.message(value) ?? NO_BYTES;
  if (isDeleted && given.length > 0) throw invalidField(`${path}.value`, "must be empty if the key is deleted");
  return {
    key: checkKey(change.string(key), `${path}.key`),
    value: isDeleted ? undefined : given,
    ifVersion: change.optionalVarint(ifVersion),
    field: `${path}.if_version`,
  };
}
