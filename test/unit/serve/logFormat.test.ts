import { describe, expect, test } from "vitest";
import { droppedLines, formatFor, logOn } from "../../../server/cli/logFormat.js";

const ESCAPE = String.fromCharCode(27);

/** The lines that a log writes. */
function written(format: "auto" | "pretty" | "json", isTerminal: boolean, env: NodeJS.ProcessEnv = {}) {
  const lines: string[] = [];
  const log = logOn({ write: (line) => lines.push(line) }, "debug", formatFor(format, env, isTerminal));
  return { log, lines };
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

describe("a line for programs", () => {
  test("has the name of its level and an ISO time, and is what every pipe gets", () => {
    const before = Date.now();
    for (const [format, isTerminal] of [
      ["auto", false],
      ["json", false],
      ["json", true],
    ] as const) {
      const { log, lines } = written(format, isTerminal);
      for (const level of ["debug", "info", "warn", "error"] as const) log[level]({ framework: "jobs" }, "said");
      const entries = lines.map((line) => JSON.parse(line) as { level: string; time: string });
      expect(entries.map(({ level }) => level)).toEqual(["debug", "info", "warn", "error"]);
      for (const entry of entries) {
        expect(entry).toEqual({
          level: entry.level,
          time: expect.stringMatching(TIME),
          framework: "jobs",
          msg: "said",
        });
        expect(new Date(entry.time).toISOString()).toBe(entry.time);
        expect(Date.parse(entry.time)).toBeGreaterThanOrEqual(before);
        expect(Date.parse(entry.time)).toBeLessThanOrEqual(Date.now());
      }
    }
  });

  test("of dropped lines looks the same", () => {
    expect(JSON.parse(droppedLines(7))).toEqual({
      level: "warn",
      time: expect.stringMatching(TIME),
      lines: 7,
      msg: "lines of this log were dropped, because they were not read",
    });
  });

  test("has the same form in a child with a level of its own", () => {
    const { log, lines } = written("json", false);
    log.child({ audit: true }, { level: "warn" }).warn({}, "said");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", audit: true, msg: "said" });
  });
});

describe("a line for people", () => {
  test("is one line, with the fields after the text", () => {
    const { log, lines } = written("pretty", false);
    log.warn({ framework: "jobs", reason: "no answer", tasks: 3, agents: ["a", "b"] }, "something is wrong");
    const [line = ""] = lines;
    expect(line.replace(TIME, "TIME")).toBe(
      'TIME WARN  something is wrong framework=jobs reason="no answer" tasks=3 agents=["a","b"]\n',
    );
  });

  test("shows the stack of an error in lines of their own", () => {
    const { log, lines } = written("auto", true, { NO_COLOR: "1" });
    log.error({ err: new Error("broken") }, "the session failed");
    expect(lines.join("")).toMatch(/ERROR the session failed\n {4}Error: broken\n {4}at \S/);
  });

  test.each([
    ["a terminal", "auto", true, {}, true],
    ["a terminal with NO_COLOR", "auto", true, { NO_COLOR: "1" }, false],
    ["a terminal with an empty NO_COLOR", "auto", true, { NO_COLOR: "" }, true],
    ["a terminal that is dumb", "pretty", true, { TERM: "dumb" }, false],
    ["a pipe", "pretty", false, {}, false],
  ] as const)("has colours as befits %s", (_, format, isTerminal, env, coloured) => {
    const { log, lines } = written(format, isTerminal, env);
    log.info({ framework: "jobs" }, "said");
    expect(lines[0]?.includes(ESCAPE)).toBe(coloured);
    expect(lines[0]).toContain("said");
  });

  test("lets no client control the terminal", () => {
    const { log, lines } = written("pretty", false);
    const evil = `${ESCAPE}[2J\nINFO\u009b2J\u202etxt\u007f\u2028`;
    log.info({ framework: evil, [evil]: [evil], err: { message: evil } }, evil);
    const shown = lines.join("").replaceAll("\n", "");
    expect(shown).toContain("\\u001b");
    expect(shown).toContain("\\u202e");
    for (const character of shown) expect(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(character), character).toBe(false);
    // Only the text of the error has lines of its own, which are set off.
    for (const line of lines.join("").split("\n").slice(1)) expect(line).toMatch(/^( {4}|$)/);
  });

  test("stays as it is if it is not a line of the log", () => {
    expect(formatFor("pretty", {}, true)("mesos-bridge: wrong\n")).toBe("mesos-bridge: wrong\n");
  });
});
