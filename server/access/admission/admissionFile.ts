import type { Registry } from "@bufbuild/protobuf";
import type { Clock } from "../../../wire/clock.js";
import { errorText } from "../../../wire/errorText.js";
import { WatchedFiles } from "../../files/watchedFiles.js";
import type { Log } from "../../log.js";
import type { Audit } from "../audit/audit.js";
import { Admission } from "./admission.js";
import { Observations } from "./observations.js";
import { type Rule, RuleEngine } from "./rule.js";
import { rulesOf } from "./ruleFile.js";

const OPTION = "--admission";
const NOTHING = new Uint8Array(0);

export interface AdmissionFileOptions {
  readonly path: string;
  /** Of Mesos's messages. */
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  /** Where the findings of rules in the mode audit go. Default: the log */
  readonly audit?: Audit | undefined;
}

/** The rules of a file, which is read again when it changes. A file that is wrong then leaves the rules as they are. */
export interface AdmissionFile {
  readonly admission: Admission;
  /** Watches the file no more. */
  close(): void;
}

/** @throws Error with one line that names the option, the file, what is wrong and the cure */
export async function openAdmissionFile(options: AdmissionFileOptions): Promise<AdmissionFile> {
  const { path, registry, clock, log, audit } = options;
  const engine = new RuleEngine(registry);
  const files = await WatchedFiles.open({
    files: [{ option: OPTION, path }],
    what: `the file of ${OPTION}`,
    read: ([content]) => read(path, content ?? NOTHING, engine, log),
    clock,
    log,
  });
  const admission = new Admission(engine, files.value, new Observations(log, clock, audit));
  files.onChanged((rules) => admission.replace(rules));
  return { admission, close: () => files.close() };
}

function read(path: string, content: Uint8Array, engine: RuleEngine, log: Log): Rule[] {
  const rules = rulesOrError(path, content, engine);
  const admitEmpty = rules.filter(({ admitsEmpty }) => admitsEmpty).map(({ name }) => name);
  // What a task leaves out reads as its default, and so a rule may say less than it seems to.
  const fields = { file: path, rules: rules.length, admitEmpty };
  log.info(fields, "admission rules loaded; those under admitEmpty admit a task in which nothing is set");
  return rules;
}

function rulesOrError(path: string, content: Uint8Array, engine: RuleEngine): Rule[] {
  try {
    return rulesOf(path, content, engine);
  } catch (error) {
    throw new Error(`${OPTION}: ${errorText(error)}`);
  }
}
