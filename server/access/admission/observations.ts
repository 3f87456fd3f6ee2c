import type { Clock } from "../../../wire/clock.js";
import type { Log } from "../../log.js";
import { nameOf } from "../identity.js";
import type { Launcher } from "./launcher.js";
import type { Rule } from "./rule.js";

/** What a rule that does not refuse found in one call. */
export interface Observation {
  readonly rule: string;
  readonly mode: "warn" | "audit";
  readonly message: string;
  readonly framework: string;
  readonly identity: string;
  /** Tasks of the call that break the rule. */
  readonly tasks: number;
  /** One of them. */
  readonly taskId: string;
  /** Why the rule could not be evaluated on that one; undefined if it could. */
  readonly failure: string | undefined;
}

interface Noted {
  readonly rule: Rule;
  readonly taskId: string;
  readonly failure: string | undefined;
  tasks: number;
}

/** A rule warns once in this time, and says how often it did not. */
const QUIET_MS = 10_000;
/** Ids come from clients. */
const MAX_TOLD_ID = 255;

/** Where what rules in the modes warn and audit find goes. */
export class Observations {
  readonly #log: Log;
  readonly #audit: (observation: Observation) => void;
  readonly #clock: Clock;
  #noted = new Map<string, Noted>();
  /** By the rule's name: when it warned last, and in how many calls it found something since. */
  readonly #warned = new Map<string, { atMs: number; untold: number }>();

  /** @param audit takes one record for each call and rule. Default: a line in the log */
  constructor(log: Log, clock: Clock, audit?: (observation: Observation) => void) {
    this.#log = log;
    this.#clock = clock;
    this.#audit = audit ?? ((observation) => log.info({ ...observation }, "an admission rule would refuse a launch"));
  }

  /** A task of the call that is looked at breaks a rule. */
  note(rule: Rule, taskId: string, failure: string | undefined): void {
    const known = this.#noted.get(rule.name);
    if (known) known.tasks++;
    else this.#noted.set(rule.name, { rule, taskId: taskId.slice(0, MAX_TOLD_ID), failure, tasks: 1 });
  }

  /** The call was looked at. */
  tell({ identity, framework }: Launcher): void {
    if (this.#noted.size === 0) return;
    const noted = this.#noted;
    this.#noted = new Map();
    for (const { rule, tasks, taskId, failure } of noted.values()) {
      const { name, mode, message } = rule;
      if (mode === "deny") continue;
      const who = { framework: framework.frameworkName, identity: nameOf(identity) };
      const observation = { rule: name, mode, message, ...who, tasks, taskId, failure };
      if (mode === "audit") this.#audit(observation);
      else this.#warn(observation);
    }
  }

  #warn(observation: Observation): void {
    const nowMs = this.#clock.now();
    const last = this.#warned.get(observation.rule);
    if (last && nowMs - last.atMs < QUIET_MS) {
      last.untold++;
      return;
    }
    this.#warned.set(observation.rule, { atMs: nowMs, untold: 0 });
    const more = last && last.untold > 0 ? { callsNotLogged: last.untold } : {};
    this.#log.warn({ ...observation, ...more }, "a task breaks an admission rule");
  }
}
