import type { Clock } from "../../../wire/clock.js";
import type { Log } from "../../log.js";
import { type Audit, noAudit, type Observation } from "../audit/audit.js";
import { nameOf } from "../identity.js";
import type { Launcher } from "./launcher.js";
import type { Rule } from "./rule.js";

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
  readonly #audit: Audit;
  readonly #clock: Clock;
  #noted = new Map<string, Noted>();
  /** By the rule's name: when it warned last, and in how many calls it found something since. */
  readonly #warned = new Map<string, { atMs: number; untold: number }>();

  /** @param audit takes one record for each call and rule. If nobody keeps them, they are lines in the log */
  constructor(log: Log, clock: Clock, audit: Audit = noAudit) {
    this.#log = log;
    this.#clock = clock;
    this.#audit = audit;
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
      if (mode === "warn") this.#warn(observation);
      else if (this.#audit.kept) this.#audit.record({ event: "admission", ...observation });
      else this.#log.info({ ...observation }, "an admission rule would refuse a launch");
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
