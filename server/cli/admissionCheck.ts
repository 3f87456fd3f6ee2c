import { readFileSync } from "node:fs";
import { ExecutorInfo, FrameworkInfo, TaskInfo } from "../../gen/mesos/v1/mesos.js";
import { evaluateFor, type Result, type Rule, RuleEngine } from "../access/admission/rule.js";
import { rulesOf } from "../access/admission/ruleFile.js";
import { decoded, type Subject, usersOf } from "../access/admission/subject.js";
import { registryOf } from "../validation/validator.js";
import { readMessageFile } from "./mesosMessageFile.js";

/** What to hold against the rules, beside the task: the paths of files, and names of the client. */
export interface CheckOptions {
  readonly framework?: string;
  readonly executor?: string;
  readonly identity: readonly string[];
}

/** What the rules make of a task. */
export interface Checked {
  /** For people: a line for each rule. */
  readonly text: string;
  /** False if a rule in the mode deny refuses the task. */
  readonly isAdmitted: boolean;
}

/** Units that all evaluations may take. */
const UNITS = 1_000_000_000;

/**
 * Holds a task against the rules of a file, or the samples if there is none.
 *
 * @throws Error with one line that names the file, what is wrong and the cure
 */
export function checkRules(
  file: string,
  content: Uint8Array,
  task: string | undefined,
  options: CheckOptions,
): Checked {
  const engine = new RuleEngine(registryOf(readFileSync(new URL("../../gen/descriptors.binpb", import.meta.url))));
  const rules = rulesOf(file, content, engine);
  if (task === undefined) {
    const lines = rules.map(
      (rule) => `${headOf(rule)}empty task: ${admits(rule.admitsEmpty)}; full task: ${admits(rule.admitsFull)}`,
    );
    return { text: textOf(`${file}: ${rules.length} rules can be used`, lines), isAdmitted: true };
  }
  const { subject, users, bytes } = subjectOf(engine, task, options);
  engine.begin(UNITS);
  const results = rules.map((rule) => ({ rule, result: evaluateFor(rule, subject, users, bytes) }));
  const lines = results.map(({ rule, result }) => `${headOf(rule)}${outcome(rule, result)}`);
  const isAdmitted = results.every(({ rule, result }) => rule.mode !== "deny" || result.kind === "holds");
  return { text: textOf(`${task}: ${isAdmitted ? "admitted" : "refused"}`, lines), isAdmitted };
}

function subjectOf(
  { types }: RuleEngine,
  path: string,
  { framework: frameworkPath, executor: executorPath, identity }: CheckOptions,
): { subject: Omit<Subject, "user">; users: readonly string[]; bytes: number } {
  const read = readMessageFile(path, "TaskInfo", TaskInfo);
  const taskBytes = TaskInfo.encode(read).finish();
  const inGroup = executorPath !== undefined;
  const ofExecutor = inGroup ? readMessageFile(executorPath, "ExecutorInfo", ExecutorInfo) : read.executor;
  const executorBytes = ExecutorInfo.encode(ofExecutor ?? ExecutorInfo.create()).finish();
  const info =
    frameworkPath === undefined
      ? FrameworkInfo.create()
      : readMessageFile(frameworkPath, "FrameworkInfo", FrameworkInfo);
  const frameworkBytes = FrameworkInfo.encode(info).finish();
  const task = decoded(types.task, taskBytes);
  const executor = decoded(types.executor, executorBytes);
  const framework = decoded(types.framework, frameworkBytes);
  return {
    subject: { task, executor, group: inGroup ? [task] : [], framework, identity },
    users: usersOf({ task, executor, framework }),
    bytes: taskBytes.length + executorBytes.length + frameworkBytes.length,
  };
}

const admits = (isAdmitted: boolean) => (isAdmitted ? "admitted" : "refused");
const headOf = ({ name, mode }: Rule) => `  ${name} (${mode}): `;
const textOf = (title: string, lines: readonly string[]) => `${[title, ...lines].join("\n")}\n`;

function outcome({ message }: Rule, result: Result): string {
  if (result.kind === "holds") return "holds";
  return result.kind === "broken" ? `refused: ${message}` : `refused, because it can't be evaluated: ${result.failure}`;
}
