import type { ReflectMessage } from "@bufbuild/protobuf/reflect";
import { errorText } from "../../../wire/errorText.js";
import { type LaunchView, readLaunches } from "../../mesos/messages/launches.js";
import { BridgeError } from "../../session/errors.js";
import type { FrameworkRecord } from "../../session/frameworkStore.js";
import { namesOf } from "../identity.js";
import type { Launcher } from "./launcher.js";
import { TooCostlyError } from "./meter.js";
import type { Observations } from "./observations.js";
import { evaluateFor, type Rule, type RuleEngine } from "./rule.js";
import { decoded, idOf, type Subject, usersOf } from "./subject.js";
import { UnknownEnums } from "./unknownEnums.js";

/** Units that all evaluations of one call may take: some hundreds of milliseconds. */
const MAX_CALL_UNITS = 2_500_000;
/** What it takes to decode a task, beside its bytes. */
const TASK_UNITS = 30;
const BYTES_A_UNIT = 16;

/** Holds launches against rules, before anything is sent to Mesos. */
export class Admission {
  readonly #engine: RuleEngine;
  readonly #observations: Observations;
  readonly #unknown = new UnknownEnums();
  readonly #frameworks = new WeakMap<Uint8Array, ReflectMessage>();
  #rules: readonly Rule[];

  constructor(engine: RuleEngine, rules: readonly Rule[], observations: Observations) {
    this.#engine = engine;
    this.#rules = rules;
    this.#observations = observations;
  }

  /** Other rules hold from now on. */
  replace(rules: readonly Rule[]): void {
    this.#rules = rules;
  }

  /** Looks at the tasks of an ACCEPT payload. @throws BridgeError ADMISSION_DENIED; WireError */
  check(payload: Uint8Array, launcher: Launcher): void {
    if (this.#rules.length === 0) return;
    const launches = readLaunches(payload);
    if (launches.length === 0) return;
    this.#engine.begin(MAX_CALL_UNITS);
    try {
      for (const launch of launches) this.#checkLaunch(launch, launcher);
    } catch (error) {
      if (!(error instanceof TooCostlyError)) throw error;
      this.#tooCostly();
    } finally {
      this.#observations.tell(launcher);
    }
  }

  /** Not all tasks were looked at. @throws BridgeError ADMISSION_DENIED where a rule may have refused one of them */
  #tooCostly(): void {
    const why = "the rules take too long on so many or such large tasks";
    if (this.#rules.some(({ mode }) => mode === "deny")) throw denied("", "", `${why}: launch fewer with one call`);
    for (const rule of this.#rules) this.#observations.note(rule, "", why);
  }

  #checkLaunch(launch: LaunchView, launcher: Launcher): void {
    const { types } = this.#engine;
    const framework = this.#frameworkOf(launcher.framework);
    const groupExecutor = launch.executor && this.#decode(types.executor, launch.executor, "");
    const decode = (bytes: Uint8Array) => this.#decode(types.task, bytes, undefined);
    const group = launch.isGroup ? launch.tasks.map(decode) : [];
    const bytes = launch.tasks.reduce((sum, task) => sum + task.length, launch.executor?.length ?? 0);
    const identity = namesOf(launcher.identity);
    launch.tasks.forEach((encoded, index) => {
      const task = group[index] ?? decode(encoded);
      const executor = groupExecutor ?? executorOf(task) ?? decoded(types.executor, NOTHING);
      const users = usersOf({ task, executor, framework });
      const size = (launch.isGroup ? bytes : encoded.length) + launcher.framework.frameworkInfo.length;
      this.#evaluate({ task, executor, group, framework, identity }, users, size);
    });
  }

  #evaluate(subject: Omit<Subject, "user">, users: readonly string[], bytes: number): void {
    for (const rule of this.#rules) {
      const result = evaluateFor(rule, subject, users, bytes);
      if (result.kind === "holds") continue;
      const taskId = idOf(subject.task, "task_id");
      const failure = result.kind === "failed" ? result.failure : undefined;
      if (rule.mode === "deny") throw refusal(rule, taskId, failure);
      this.#observations.note(rule, taskId, failure);
    }
  }

  /** @param taskId undefined for a task, which says it itself @throws BridgeError ADMISSION_DENIED for what can't be looked at */
  #decode(type: ReflectMessage["desc"], bytes: Uint8Array, taskId: string | undefined): ReflectMessage {
    this.#engine.spend(TASK_UNITS + Math.ceil(bytes.length / BYTES_A_UNIT));
    const message = decodedOrDenied(type, bytes);
    const unknown = this.#unknown.find(message);
    if (unknown === undefined) return message;
    const id = taskId ?? idOf(message, "task_id");
    const what = `${type.name}.${unknown}`;
    throw denied("", id, `${what} has a number that its enum does not have, so that rules can't read it`);
  }

  /** A record keeps its bytes until the framework is another one. */
  #frameworkOf({ frameworkInfo }: FrameworkRecord): ReflectMessage {
    const known = this.#frameworks.get(frameworkInfo);
    if (known) return known;
    const framework = this.#decode(this.#engine.types.framework, frameworkInfo, "");
    this.#frameworks.set(frameworkInfo, framework);
    return framework;
  }
}

const NOTHING = new Uint8Array(0);

function executorOf(task: ReflectMessage): ReflectMessage | undefined {
  const field = task.desc.fields.find(({ name }) => name === "executor");
  return field?.fieldKind === "message" && task.isSet(field) ? task.get(field) : undefined;
}

function decodedOrDenied(type: ReflectMessage["desc"], bytes: Uint8Array): ReflectMessage {
  try {
    return decoded(type, bytes);
  } catch (error) {
    throw denied("", "", `a ${type.name} can't be read: ${errorText(error)}`);
  }
}

function refusal(rule: Rule, taskId: string, failure: string | undefined): BridgeError {
  const why = failure === undefined ? "" : `, because it can't be evaluated (${failure})`;
  return denied(rule.name, taskId, `rule '${rule.name}' refuses task '${taskId}'${why}: ${rule.message}`);
}

/** @param rule "" if no rule refuses it, but the bridge itself */
function denied(rule: string, taskId: string, message: string): BridgeError {
  const metadata = { ...(rule !== "" && { rule }), ...(taskId !== "" && { task_id: taskId }) };
  return new BridgeError("ADMISSION_DENIED", `nothing was launched: ${message}`, { metadata });
}
