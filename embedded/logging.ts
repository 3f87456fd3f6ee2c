import type { Clock } from "./clock.js";
import { parseMesosDuration } from "./duration.js";
import { type Answer, type Request, textAnswer } from "./http/answer.js";

/** How much a process logs, as operators set it for a while. Nothing here logs more or less by it. */
export class LoggingLevel {
  readonly #clock: Clock;
  #set = { level: 0, untilMs: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get level(): number {
    return this.#clock.now() < this.#set.untilMs ? this.#set.level : 0;
  }

  set(level: number, durationMs: number): void {
    this.#set = { level, untilMs: this.#clock.now() + durationMs };
  }

  /** `/logging/toggle`, with `level` and `duration` in the query or without both. */
  toggle({ query }: Request): Answer {
    const [level, duration] = [query.get("level"), query.get("duration")];
    if (level === null && duration === null) return textAnswer(200, `${this.level}\n`);
    const refuse = (why: string) => textAnswer(400, `${why}.\n`);
    if (duration === null) return refuse("Expecting 'duration=value' in query");
    if (level === null) return refuse("Expecting 'level=value' in query");
    if (!/^[+-]?\d{1,9}$/.test(level)) return refuse(`Failed to convert '${level}' to number`);
    if (Number(level) < 0) return refuse(`Invalid level '${level}'`);
    try {
      this.set(Number(level), parseMesosDuration(duration));
    } catch (error) {
      return refuse(error instanceof Error ? error.message : String(error));
    }
    return { status: 200 };
  }
}
