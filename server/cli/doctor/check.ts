import type { Examination } from "./examination.js";

/** What is wrong, and what to do about it: one line each. */
export interface Trouble {
  readonly cause: string;
  readonly cure: string;
}

/** What came of a check. */
export type Finding =
  /** Nothing is wrong. `detail` says what was found. */
  | { readonly status: "ok"; readonly detail: string }
  /** The bridge works, and an operator may want to know. */
  | ({ readonly status: "warn" } & Trouble)
  /** The bridge does not start, or does not work. */
  | ({ readonly status: "fail" } & Trouble)
  /** It could not be checked. `detail` says why. */
  | { readonly status: "skip"; readonly detail: string };

/** One thing that the doctor looks at. */
export interface Check {
  /** A few words, which are also its name in JSON. */
  readonly name: string;
  /** The names of checks without whose success this one would only show a consequence. */
  readonly needs?: readonly string[];
  /** Whether the options give a reason for it. Default: always. */
  readonly applies?: (examination: Examination) => boolean;
  /** What it may take, in ms. Default 4,500. */
  readonly deadlineMs?: number;
  /** @param signal aborts when its time is over. What it throws is a failure without a known cure. */
  readonly run: (examination: Examination, signal: AbortSignal) => Promise<Finding> | Finding;
}

export const ok = (detail: string): Finding => ({ status: "ok", detail });
export const skip = (detail: string): Finding => ({ status: "skip", detail });
export const warn = (cause: string, cure: string): Finding => ({ status: "warn", cause, cure });
export const fail = (cause: string, cure: string): Finding => ({ status: "fail", cause, cure });

/** The check's name beside what came of it. */
export interface Examined {
  readonly name: string;
  readonly finding: Finding;
}
