/**
 * The names and values of a form-encoded body, as Mesos reads one: the last of a name counts, and a name without `=` is empty.
 *
 * @throws Error in Mesos's words for a `%` that starts no escape
 */
export function decodeForm(body: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const part of body.split(/[;&]/)) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const [name, value] = equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    const decoded = decode(name);
    values.set(decoded, decode(value));
  }
  return values;
}

function decode(text: string): string {
  const malformed = /%(?![0-9a-f]{2})/i.exec(text);
  if (malformed) {
    throw new Error(`Malformed % escape in '${text}': '${text.slice(malformed.index, malformed.index + 3)}'`);
  }
  const bytes = text
    .replaceAll("+", " ")
    .replace(/%(..)|[^%]+/gs, (plain, escaped) => escaped ?? Buffer.from(plain).toString("hex"));
  return Buffer.from(bytes, "hex").toString();
}
