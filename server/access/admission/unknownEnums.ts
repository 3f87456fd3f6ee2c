import type { DescField, DescMessage } from "@bufbuild/protobuf";
import { isReflectMessage, type ReflectMessage } from "@bufbuild/protobuf/reflect";

/** The fields of a type that hold enums, or messages that do. */
interface Fields {
  readonly enums: ReadonlyMap<number, DescField>;
  readonly messages: readonly DescField[];
}

/**
 * Finds numbers that an enum does not have. In proto2 they leave the field unset, so that a rule would read its default
 * and take it for what the task asks for.
 */
export class UnknownEnums {
  readonly #types = new Map<DescMessage, Fields>();

  /** The path of the first one, such as `container.type`; undefined if there is none. */
  find(message: ReflectMessage): string | undefined {
    const { enums, messages } = this.#fieldsOf(message.desc);
    for (const { no } of message.message.$unknown ?? []) {
      const field = enums.get(no);
      if (field) return field.name;
    }
    for (const field of messages) {
      if (!message.isSet(field)) continue;
      for (const value of valuesOf(message, field)) {
        const path = this.find(value);
        if (path !== undefined) return `${field.name}.${path}`;
      }
    }
    return undefined;
  }

  #fieldsOf(type: DescMessage): Fields {
    const known = this.#types.get(type);
    if (known) return known;
    const holding = new Set<DescMessage>();
    // A type may contain itself, so that what is looked at already does not count.
    const holds = (inner: DescMessage, above: ReadonlySet<DescMessage>): boolean => {
      if (holding.has(inner)) return true;
      if (above.has(inner)) return false;
      const deeper = new Set(above).add(inner);
      const found = inner.fields.some((field) => field.enum || (field.message && holds(field.message, deeper)));
      if (found) holding.add(inner);
      return found;
    };
    const fields = {
      enums: new Map(type.fields.filter((field) => field.enum).map((field) => [field.number, field])),
      messages: type.fields.filter((field) => field.message && holds(field.message, new Set())),
    };
    this.#types.set(type, fields);
    return fields;
  }
}

function* valuesOf(message: ReflectMessage, field: DescField): Generator<ReflectMessage> {
  if (field.fieldKind === "message") yield message.get(field);
  else if (field.fieldKind === "list") for (const value of message.get(field)) yield* messageOnly(value);
  else if (field.fieldKind === "map") for (const [, value] of message.get(field)) yield* messageOnly(value);
}

function* messageOnly(value: unknown): Generator<ReflectMessage> {
  if (isReflectMessage(value)) yield value;
}
