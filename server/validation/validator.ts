import { createFileRegistry, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { fieldsExcept, messageField, submessages } from "../../wire/proto.js";
import { apiRules } from "./apiRules.js";
import { MessageTables } from "./messageTable.js";
import { mesosRules } from "./rules.js";
import type { FieldViolation } from "./violations.js";
import { Walker } from "./walker.js";

export type { FieldViolation } from "./violations.js";

/** Checks serialized messages of clients before Mesos is asked. */
export interface Validator {
  /**
   * All that is wrong with a message, at most 20 violations and then one that says "and more"; empty if nothing is.
   *
   * Checked are the encoding, that what is not repeated comes once, UTF-8, proto2's `required`, enum values where an unknown one leaves a
   * required field unset, and the rules of `rules.ts` and `apiRules.ts`. Unknown fields are fine at every level.
   * `docs/validation.md` lists all of it.
   *
   * @param typeName full name, such as "mesosbridge.v1.CallRequest" or "mesos.v1.scheduler.Call"
   * @throws Error if the descriptors don't have the type; never because of `bytes`
   */
  validate(typeName: string, bytes: Uint8Array): readonly FieldViolation[];
}

/**
 * Makes a validator of a serialized FileDescriptorSet that holds Mesos's and the bridge's messages.
 * What it needs of a type is worked out when the type is first seen, and kept.
 *
 * @throws Error if the set can't be read, or lacks a type or field that a rule is about
 */
export function createValidator(descriptorSet: Uint8Array): Validator {
  const registry = registryOf(descriptorSet);
  const tables = new MessageTables(registry, {
    contexts: [...mesosRules.contexts, ...apiRules.contexts],
    fields: [...mesosRules.fields, ...apiRules.fields],
    messages: [...mesosRules.messages, ...apiRules.messages],
  });
  const walker = new Walker();
  return {
    validate: (typeName, bytes) => walker.walk(tables.get(typeName), bytes, LEVELS_ABOVE.get(typeName) ?? 0),
  };
}

/** The types of a serialized FileDescriptorSet. @throws Error if it can't be read */
export function registryOf(descriptorSet: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, withoutComments(descriptorSet)));
}

/** How much deeper the fields of a request lie in the call that is made of it. */
const LEVELS_ABOVE: ReadonlyMap<string, number> = new Map(
  Object.entries({
    CallRequest: -1,
    CallsRequest: -1,
    SubscribeRequest: 1,
    AcceptOffersRequest: 1,
    LaunchTasksRequest: 3,
    DeclineOffersRequest: 1,
    KillTaskRequest: 1,
    ReconcileTasksRequest: 1,
    SendMessageRequest: 1,
  }).map(([name, levels]) => [`mesosbridge.v1.${name}`, levels]),
);

/** The field of FileDescriptorProto. */
const SOURCE_CODE_INFO = 9;

/** The set without its files' comments: three quarters of it, and all that takes long to read. */
function withoutComments(descriptorSet: Uint8Array): Uint8Array {
  const files = submessages(descriptorSet, 1);
  return Buffer.concat(files.map((file) => messageField(1, fieldsExcept(file, SOURCE_CODE_INFO))));
}
