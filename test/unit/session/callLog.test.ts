import { describe, expect, test } from "vitest";
import { LoggedTrouble } from "../../../server/logTrouble.js";
import { OK } from "../../../server/session/answers.js";
import { CallLog } from "../../../server/session/callLog.js";
import { BridgeError } from "../../../server/session/errors.js";
import { VirtualClock } from "../../support/virtualClock.js";

/** What a log was told, as one text a line. */
function told() {
  const lines: string[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
  return { lines, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

const ACCEPTED = { outcome: { kind: "accepted" as const }, answer: OK };
const UNKNOWN = {
  outcome: { kind: "unknown" as const, message: "lost" },
  answer: { error: new BridgeError("OUTCOME_UNKNOWN", "the answer was lost") },
};

describe("the lines of calls", () => {
  test("say what a call was about and what became of it", () => {
    const { log, lines } = told();
    const calls = new CallLog(log, new VirtualClock());
    calls.answered("launch", "jobs", ACCEPTED, { tasks: 3, agent: "a1" });
    calls.answered("launch", "jobs", UNKNOWN, { tasks: 1, agent: "a1" });
    calls.answered("kill", "jobs", ACCEPTED, { tasks: 1, agent: "", task: "t".repeat(300) });
    expect(lines).toEqual([
      'info launched {"framework":"jobs","tasks":3,"agent":"a1","outcome":"accepted"}',
      'info the outcome of a launch is unknown {"framework":"jobs","tasks":1,"agent":"a1","outcome":"unknown","reason":"the answer was lost"}',
      `info a kill was accepted {"framework":"jobs","task":"${"t".repeat(255)}","outcome":"accepted"}`,
    ]);
  });

  test("are few, however many calls there are, and count the calls that have no line", async () => {
    const clock = new VirtualClock();
    const { log, lines } = told();
    const calls = new CallLog(log, clock);
    for (let i = 0; i < 5_000; i++) calls.answered("launch", `jobs-${i % 7}`, ACCEPTED, { tasks: 2, agent: "a1" });
    calls.answered("launch", "jobs", UNKNOWN, { tasks: 1, agent: "a1" });
    // What goes wrong is not hidden behind what goes well.
    expect(lines.filter((line) => line.startsWith("info launched"))).toHaveLength(20);
    expect(lines.filter((line) => line.includes("unknown"))).toHaveLength(1);
    await clock.advance(1_000);
    expect(lines).toHaveLength(22);
    expect(lines.at(-1)).toBe('info launched: calls without a line {"calls":4980,"tasks":9960,"frameworks":7}');
    expect(clock.timers).toBe(0);
    calls.answered("launch", "jobs", ACCEPTED, { tasks: 1, agent: "a1" });
    expect(lines).toHaveLength(23);
    calls.close();
    expect(lines).toHaveLength(23);
    expect(clock.timers).toBe(0);
  });

  test("at the end tell what was counted", () => {
    const clock = new VirtualClock();
    const { log, lines } = told();
    const calls = new CallLog(log, clock);
    for (let i = 0; i < 21; i++) calls.answered("kill", "jobs", ACCEPTED, { tasks: 1, agent: "a1", task: "t" });
    calls.close();
    expect(lines.at(-1)).toBe('info a kill was accepted: calls without a line {"calls":1,"tasks":1,"frameworks":1}');
    expect(clock.timers).toBe(0);
  });
});

describe("a trouble that may pass", () => {
  test("is information at first, and a warning with its last reason once it has lasted", async () => {
    const clock = new VirtualClock();
    const { log, lines } = told();
    const trouble = new LoggedTrouble(log, clock);
    trouble.note({ reason: "one" }, "no subscription");
    await clock.advance(20_000);
    trouble.note({ reason: "two" }, "no subscription");
    await clock.advance(9_999);
    expect(lines).toEqual(['info no subscription {"reason":"one"}', 'info no subscription {"reason":"two"}']);
    await clock.advance(1);
    trouble.note({ reason: "three" }, "no subscription");
    expect(lines.slice(2)).toEqual([
      'warn no subscription {"reason":"two","lastsSeconds":30}',
      'warn no subscription {"reason":"three"}',
    ]);
    trouble.over();
    trouble.note({ reason: "four" }, "no subscription");
    expect(lines.at(-1)).toBe('info no subscription {"reason":"four"}');
    trouble.over();
    expect(clock.timers).toBe(0);
  });

  test("that is over in time leaves no warning", async () => {
    const clock = new VirtualClock();
    const { log, lines } = told();
    const trouble = new LoggedTrouble(log, clock);
    trouble.note({}, "no subscription");
    trouble.over();
    await clock.advance(60_000);
    expect(lines).toEqual(["info no subscription {}"]);
  });
});
