import type { Clock, Timer } from "../../wire/clock.js";
import type { Log } from "../log.js";
import type { CallOutcome } from "../mesos/link/callOutcome.js";
import type { CallAnswer } from "./requestMemory.js";

/** Lines that each text may have in this time. Further calls share one. */
const LINES = 20;
const EVERY_MS = 1_000;
/** Ids come from clients. */
const MAX_TOLD = 255;

type Outcome = "accepted" | "refused" | "unknown";

const TEXTS = {
  launch: {
    accepted: "launched",
    refused: "a launch was refused",
    unknown: "the outcome of a launch is unknown",
  },
  kill: {
    accepted: "a kill was accepted",
    refused: "a kill was refused",
    unknown: "the outcome of a kill is unknown",
  },
} as const;

/** The calls of one text since the last time that they were told. */
interface Recent {
  lines: number;
  calls: number;
  tasks: number;
  frameworks: Set<string>;
}

/**
 * Writes a line for each call that launches or kills, when its outcome is known. At most 20 of each text in a second:
 * the calls beyond that are counted, and share a line. So a scheduler that launches thousands of tasks a second costs
 * its bridge a few lines.
 */
export class CallLog {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #recent = new Map<string, Recent>();
  #timer: Timer | undefined;

  constructor(log: Log, clock: Clock) {
    this.#log = log;
    this.#clock = clock;
  }

  /** A call has been answered. */
  answered(call: keyof typeof TEXTS, framework: string, { outcome, answer }: Answered, about: About): void {
    const text = TEXTS[call][outcomeOf(outcome)];
    const recent = this.#recentOf(text);
    if (recent.lines < LINES) {
      recent.lines++;
      const error = answer.error && { reason: answer.error.message };
      this.#log.info({ framework, ...told(about), outcome: outcomeOf(outcome), ...error }, text);
      return;
    }
    recent.calls++;
    recent.tasks += about.tasks;
    recent.frameworks.add(framework);
  }

  /** Reports what was counted. Nothing comes after that. */
  close(): void {
    this.#timer?.cancel();
    this.#tell();
  }

  #recentOf(text: string): Recent {
    this.#timer ??= this.#clock.after(EVERY_MS, () => this.#tell());
    const known = this.#recent.get(text);
    if (known) return known;
    const recent = { lines: 0, calls: 0, tasks: 0, frameworks: new Set<string>() };
    this.#recent.set(text, recent);
    return recent;
  }

  #tell(): void {
    this.#timer = undefined;
    for (const [text, { calls, tasks, frameworks }] of this.#recent) {
      if (calls > 0) this.#log.info({ calls, tasks, frameworks: frameworks.size }, `${text}: calls without a line`);
    }
    this.#recent.clear();
  }
}

/** What a call was about. */
interface About {
  readonly tasks: number;
  readonly agent: string;
  /** Of a call about one task: its id. */
  readonly task?: string;
}

/** An agent may be unknown to the client that kills a task. */
function told({ tasks, agent, task }: About): object {
  const where = agent === "" ? {} : { agent: agent.slice(0, MAX_TOLD) };
  return task === undefined ? { tasks, ...where } : { task: task.slice(0, MAX_TOLD), ...where };
}

interface Answered {
  readonly outcome: CallOutcome;
  readonly answer: CallAnswer;
}

/** What became of a call, as observers and the log are told. */
export function outcomeOf(outcome: CallOutcome): Outcome {
  if (outcome.kind === "accepted") return "accepted";
  return outcome.kind === "unknown" ? "unknown" : "refused";
}
