import { type CelEnv, type CelResult, celEnv, isCelError, plan } from "@bufbuild/cel";
import type { Registry } from "@bufbuild/protobuf";
import { parseExpression, sizeOf } from "./ast.js";
import { Meter, meterFunctions, TooCostlyError } from "./meter.js";
import { metered } from "./metered.js";
import { Patterns } from "./patterns.js";
import type { RuleText } from "./ruleText.js";
import { type Samples, samplesOf } from "./samples.js";
import { type Subject, SubjectTypes, variablesOf } from "./subject.js";
import { NAMESPACE, TypeCheck } from "./typeCheck.js";

/** What a rule makes of a task. A `failure` is written for logs and clients alike: it quotes nothing of the task. */
export type Result =
  | { readonly kind: "holds" }
  | { readonly kind: "broken" }
  | { readonly kind: "failed"; readonly failure: string };

const HOLDS: Result = { kind: "holds" };
const BROKEN: Result = { kind: "broken" };
const TOO_COSTLY: Result = { kind: "failed", failure: "it takes too long on this task: make the rule simpler" };

/** Units that one evaluation may take: some dozens of milliseconds. */
const MAX_UNITS = 250_000;
/** What an evaluation takes beside its expression. */
const BASE_UNITS = 20;
const MAX_FAILURE_LENGTH = 200;
/** A sample is small. */
const SAMPLE_BYTES = 4_096;

function resultOf(value: CelResult): Result {
  if (value === true) return HOLDS;
  if (value === false) return BROKEN;
  return { kind: "failed", failure: isCelError(value) ? failureOf(value) : "it is not true or false" };
}

/** A rule that can be evaluated. */
export interface Rule extends RuleText {
  /** True if it admits a task in which nothing is set, be that meant or not. */
  readonly admitsEmpty: boolean;
  /** The same of a task in which everything is set. */
  readonly admitsFull: boolean;
  /**
   * @param bytes of all messages of the subject, serialized
   * @throws TooCostlyError if the launch has taken all that it may
   */
  evaluate(subject: Subject, bytes: number): Result;
}

/** Evaluates a rule for each user, until it does not hold. @throws TooCostlyError */
export function evaluateFor(
  rule: Rule,
  subject: Omit<Subject, "user">,
  users: readonly string[],
  bytes: number,
): Result {
  for (const user of users) {
    const result = rule.evaluate({ ...subject, user }, bytes);
    if (result.kind !== "holds") return result;
  }
  return HOLDS;
}

/** Makes rules of texts. One engine evaluates one rule at a time. */
export class RuleEngine {
  readonly types: SubjectTypes;
  readonly #check: TypeCheck;
  readonly #samples: Samples;
  readonly #meter = new Meter();
  readonly #env: CelEnv;
  /** Units that the launch that is looked at may still take. */
  #budget = 0;

  /** @param registry of Mesos's messages, from descriptors that name the fields in JSON */
  constructor(registry: Registry) {
    const patterns = new Patterns();
    this.types = new SubjectTypes(registry);
    this.#check = new TypeCheck(registry);
    this.#samples = samplesOf(this.types);
    this.#env = celEnv({ namespace: NAMESPACE, registry, funcs: meterFunctions(this.#meter, patterns) });
  }

  /** Sets what the evaluations that follow may take together. */
  begin(units: number): void {
    this.#budget = units;
  }

  /** Takes units off what is left. @throws TooCostlyError if there are not as many */
  spend(units: number): void {
    this.#budget -= units;
    if (this.#budget < 0) throw new TooCostlyError("the launch takes too long to look at");
  }

  /** @throws Error with one line that says what is wrong with the rule, and the cure */
  compile(text: RuleText): Rule {
    const expr = parseExpression(text.expression);
    this.#check.expectBoolean(expr, this.types.scope);
    const base = BASE_UNITS + sizeOf(expr);
    const evaluate = plan(this.#env, metered(expr));
    const of = (subject: Subject, bytes: number) => {
      this.spend(base);
      const units = Math.min(MAX_UNITS, this.#budget);
      this.#meter.start(units, bytes);
      const value = evaluate(variablesOf(subject));
      this.#budget -= units - Math.max(0, this.#meter.left);
      // The failure may be hidden behind an `||` that holds.
      if (this.#meter.left >= 0) return resultOf(value);
      if (units < MAX_UNITS) throw new TooCostlyError("the launch takes too long to look at");
      return TOO_COSTLY;
    };
    return { ...text, ...this.#try(of), evaluate: of };
  }

  /** Tries a rule on the samples. @throws Error if it fails there */
  #try(evaluate: Rule["evaluate"]): Pick<Rule, "admitsEmpty" | "admitsFull"> {
    this.begin(2 * (MAX_UNITS + BASE_UNITS + MAX_UNITS));
    const full = evaluate(this.#samples.full, SAMPLE_BYTES);
    if (full.kind === "failed" && full.failure !== UNREADABLE) {
      throw new Error(`fails on a task in which everything is set: ${full.failure}`);
    }
    const empty = evaluate(this.#samples.empty, SAMPLE_BYTES);
    if (empty.kind === "failed") {
      throw new Error(`fails on a task in which nothing is set: ${empty.failure}: guard it with has() or size()`);
    }
    return { admitsEmpty: empty.kind === "holds", admitsFull: full.kind === "holds" };
  }
}

const UNREADABLE = "a value can't be converted, or is out of range";
/** What the library says that holds nothing of a task. */
const SAFE_TEXT =
  /^(?:found no matching overload for '[^']*' applied to '[\w., ()]*'|type mismatch|\w+ (?:divide|modulus) by zero|a text is too long)/;

/** Why an evaluation failed, without the values that the library quotes. */
function failureOf(error: Error): string {
  const { message } = error;
  if (/^index -?\d+ out of bounds/.test(message)) return "a list has no element of that number";
  if (/^field not found/.test(message)) return "a map has no such key";
  return SAFE_TEXT.test(message) ? message.slice(0, MAX_FAILURE_LENGTH) : UNREADABLE;
}
