/**
 * A TypeScript module of the field numbers of a proto's messages: for `message FrameworkInfo` with `optional string
 * user = 1`, `FrameworkInfoFields.user` is 1. Nested messages are named as ts-proto names them: `Event_UpdateFields`.
 *
 * @param file  a FileDescriptorProto
 */
export function fieldNumbers(file) {
  const messages = file.messageType.flatMap((message) => objectsOf(message, "", file.package));
  return `// Generated from ${file.name}: the numbers of its fields.\n\n${messages.join("\n")}`;
}

function objectsOf(message, outer, path) {
  const name = `${outer}${message.name}`;
  const full = `${path}.${message.name}`;
  const own = message.field.map((field) => `  ${camelCase(field.name)}: ${field.number},\n`).join("");
  const nested = message.nestedType
    .filter((inner) => inner.options?.mapEntry !== true)
    .flatMap((inner) => objectsOf(inner, `${name}_`, full));
  if (own === "") return nested;
  return [`/** Fields of \`${full}\`. */\nexport const ${name}Fields = {\n${own}} as const;\n`, ...nested];
}

const camelCase = (name) => name.replace(/_+([a-z0-9])/gi, (_, letter) => letter.toUpperCase());
