import { type AnyOption, keyOf, type OptionTable } from "./options.js";

/** A JSON Schema for the file of `--config`, for editors that know TOML. */
export function configSchema(table: OptionTable): object {
  const properties = Object.entries(table).map(([name, option]) => [keyOf(name), propertyOf(option)] as const);
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "The file of mesos-bridge serve --config",
    description: "Keys are the names of the flags. Flags and MESOS_BRIDGE_* variables override the file.",
    type: "object",
    properties: Object.fromEntries(properties),
    additionalProperties: false,
  };
}

function propertyOf(option: AnyOption): object {
  if (!("read" in option)) return { description: option.help, type: "boolean", default: false };
  const { help: description, schema } = option;
  const isNumber = schema.type === "integer";
  const preset = isNumber && option.default !== undefined ? Number(option.default) : option.default;
  const told = { description, ...(preset === undefined ? {} : { default: preset }) };
  if ("repeated" in option) return { ...told, anyOf: [schema, { type: "array", items: schema, minItems: 1 }] };
  // A number may also be written as it is typed.
  if (isNumber) return { ...told, anyOf: [schema, { type: "string", pattern: "^\\d+$" }] };
  return { ...told, ...schema };
}
