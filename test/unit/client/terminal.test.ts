import { expect, it } from "vitest";
import { Terminal } from "../../../clients/typescript/library/terminal.js";

/** What is seen of a stream of that kind after all that was written to it, without what was erased. */
class Screen {
  readonly isTTY: boolean;
  readonly columns = 30;
  readonly rows = 5;
  seen: string[] = [""];

  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }

  on(): void {}

  write(text: string): void {
    const [head = "", rest = ""] = text.startsWith("\x1b[") ? text.split("\x1b[J") : ["", text];
    const up = Number.parseInt(head.slice(2) || "0", 10);
    this.seen.splice(this.seen.length - 1 - up, up);
    for (const line of rest.split("\n").slice(0, -1)) this.seen.splice(-1, 0, line);
  }
}

function terminalOn(isTTY: boolean): { screen: Screen; terminal: Terminal } {
  const screen = new Screen(isTTY);
  return { screen, terminal: new Terminal(screen as unknown as NodeJS.WriteStream) };
}

const rows = (n: string) => [
  ["APP", "READY"],
  ["web", n],
];

it("a table stands below all lines, and is replaced", () => {
  const { screen, terminal } = terminalOn(true);
  terminal.line("first");
  terminal.table(() => rows("1"));
  terminal.line("second");
  terminal.table(() => rows("12345678"));
  expect(screen.seen).toEqual(["first", "second", "APP  READY", "web  12345678", ""]);
});

it("a table is cut to the terminal, so that it can be replaced", () => {
  const { screen, terminal } = terminalOn(true);
  terminal.table(() => Array.from({ length: 100 }, (_, i) => [String(i), "x".repeat(100)]));
  expect(screen.seen.length).toBe(5);
  expect(Math.max(...screen.seen.map((line) => line.length))).toBe(29);
});

it("there is no table, and nobody asked for one, where there is no terminal", () => {
  const { screen, terminal } = terminalOn(false);
  terminal.table(() => {
    throw new Error("asked");
  });
  terminal.line("first");
  expect(screen.seen).toEqual(["first", ""]);
});

it("what a terminal would obey is replaced, in lines and in tables", () => {
  const { screen, terminal } = terminalOn(true);
  terminal.line("a\x1b[2Jb\nc");
  terminal.table(() => [["\x1b]0;x\x07"]]);
  expect(screen.seen).toEqual(["a\uFFFD[2Jb\uFFFDc", "\uFFFD]0;x\uFFFD", ""]);
});
