const RESET = "\u001b[0m";
const FAINT = "\u001b[2m";
const LEVEL_COLOURS: Readonly<Record<string, string>> = {
  debug: "\u001b[2m",
  info: "\u001b[32m",
  warn: "\u001b[33m",
  error: "\u001b[31m",
};

/** A value that can be read without quotes. */
const BARE = /^[\w.:/@%+,-]+$/;
/** What would move the cursor, colour the terminal, or turn the direction of the text. Values come from clients. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A line of JSON as a person reads it: `2026-01-31T12:00:00.000Z INFO  attached framework=jobs`. The stack of an error
 * follows in lines of its own. What is not a line of the log stays as it is.
 */
export function readableLine(line: string, colours: boolean): string {
  const entry = entryOf(line);
  if (!entry) return line;
  const { level, time, msg, err, ...fields } = entry;
  const paint = (text: string, colour: string) => (colours && colour !== "" ? `${colour}${text}${RESET}` : text);
  const name = String(level);
  const head = [
    paint(printable(String(time)), FAINT),
    paint(name.toUpperCase().padEnd(5), LEVEL_COLOURS[name] ?? ""),
    printable(String(msg)),
  ];
  const pairs = Object.entries(fields).map(([key, value]) => paint(`${printable(key)}=`, FAINT) + valueText(value));
  return `${[...head, ...pairs].join(" ")}\n${errorLines(err)}`;
}

function entryOf(line: string): Record<string, unknown> | undefined {
  try {
    const entry: unknown = JSON.parse(line);
    if (typeof entry === "object" && entry !== null && "msg" in entry) return { ...entry };
  } catch {
    // Whatever it is, it is shown.
  }
  return undefined;
}

function valueText(value: unknown): string {
  if (typeof value === "string") return BARE.test(value) ? value : printable(JSON.stringify(value));
  return printable(JSON.stringify(value));
}

/** The stack of a logged error, or all that is known of it. */
function errorLines(err: unknown): string {
  if (typeof err !== "object" || err === null) return err === undefined ? "" : `    ${valueText(err)}\n`;
  const { stack, message } = err as { readonly stack?: unknown; readonly message?: unknown };
  const text = typeof stack === "string" ? stack : typeof message === "string" ? message : JSON.stringify(err);
  return text
    .split("\n")
    .map((each) => `    ${printable(each.trimStart())}\n`)
    .join("");
}

function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
