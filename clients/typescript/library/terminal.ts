/** Lines for people. On a terminal a table stands below them, and shows how things are. */
export class Terminal {
  readonly #stream: NodeJS.WriteStream;
  /** The lines of the table that are there. */
  #table: readonly string[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    // A reader that left must not end the program.
    stream.on("error", () => undefined);
  }

  /** Writes a line. What a terminal would obey is replaced. */
  line(text: string): void {
    this.#write(`${printable(text)}\n`, this.#table);
  }

  /** Shows the rows, the first of which is the head, in place of the table before. Elsewhere it does not ask for them. */
  table(makeRows: () => readonly (readonly string[])[]): void {
    if (!this.#stream.isTTY) return;
    const rows = makeRows();
    const widths: number[] = [];
    for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
    const { columns = 80, rows: height = 24 } = this.#stream;
    const lines = rows.slice(0, height - 1).map((row) => {
      const line = row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ");
      return printable(line)
        .trimEnd()
        .slice(0, columns - 1);
    });
    this.#write("", lines);
  }

  /** Writes text where the table was, and a table below it. */
  #write(text: string, table: readonly string[]): void {
    const up = this.#table.length > 0 ? `\x1b[${this.#table.length}A\x1b[J` : "";
    this.#stream.write(up + text + table.map((line) => `${line}\n`).join(""));
    this.#table = table;
  }
}

/** Text as a terminal may show it: names may hold anything, and a terminal must not obey it. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}|\p{Cf}/gu, "\uFFFD");
}
