import { type ConfigFile, fileSettings, noFile } from "./configFile.js";
import { type Environment, environmentSettings } from "./environment.js";
import { keyOf, OptionsError, type OptionTable, type Typed, type TypedValue } from "./options.js";
import { mentionOf, type Origin, placeOf } from "./origin.js";

/** What was given for an option, and where. */
export interface Setting {
  /** Undefined if nothing was given and there is no default. */
  readonly value: TypedValue;
  readonly origin: Origin;
  /** Sources that say something too, which does not count. */
  readonly overridden: readonly Origin[];
}

/** The settings of a command, of all of their sources. */
export class Settings<T extends OptionTable> {
  readonly #table: T;
  readonly #byName: ReadonlyMap<string, Setting>;
  /** What somebody may have meant otherwise: one line each. */
  readonly notes: readonly string[];

  constructor(table: T, byName: ReadonlyMap<string, Setting>, notes: readonly string[]) {
    this.#table = table;
    this.#byName = byName;
    this.notes = notes;
  }

  /** By the options' names, in the table's order. */
  get all(): ReadonlyMap<string, Setting> {
    return this.#byName;
  }

  /** What counts, without defaults. */
  get typed(): Typed<T> {
    const given = [...this.#byName].filter(([, { origin }]) => origin.kind !== "default");
    return Object.fromEntries(given.map(([name, { value }]) => [name, value])) as Typed<T>;
  }

  /** Where a setting comes from, as an error begins. */
  placeOf(name: string): string {
    const option = this.#table[name];
    const setting = this.#byName.get(name);
    return option && setting ? placeOf(name, option, setting.origin) : `--${keyOf(name)}`;
  }

  /**
   * A text about options, which names them as flags. The result names those that were set otherwise by their source, and
   * is one line.
   */
  explain(text: string): string {
    const named = text.replace(FLAG, (flag, key: string, at: number) => {
      const [name, setting] = [...this.#byName].find(([each]) => keyOf(each) === key) ?? [];
      const option = name === undefined ? undefined : this.#table[name];
      if (name === undefined || !option || !setting || setting.origin.kind === "flag") return flag;
      const isHead = at === 0 && text.startsWith(":", flag.length);
      return (isHead ? placeOf : mentionOf)(name, option, setting.origin);
    });
    return oneLine(named);
  }
}

/** A flag, outside paths, values in quotes and longer words. */
const FLAG = /(?<![\w/'"-])--([a-z][a-z-]*[a-z])(?![\w-])/g;

/** Control characters would break a line, or act on a terminal. */
export const oneLine = (text: string) => text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ");

export interface Sources {
  /** What was typed, as commander has it. May hold `config`, the path of the file. */
  readonly flags: Readonly<Record<string, unknown>>;
  readonly env: Environment;
}

/**
 * Takes each setting from the flags, else from the environment, else from the file that `--config` or
 * `MESOS_BRIDGE_CONFIG` names.
 *
 * @throws OptionsError with all that is wrong with environment and file
 */
export function gatherSettings<T extends OptionTable>(table: T, { flags, env }: Sources): Settings<T> {
  const environment = environmentSettings(table, env);
  const file = configFileOf(flags, env);
  const fromFile = fileSettings(table, file);
  const problems = [...environment.problems, ...fromFile.problems];
  if (problems.length > 0) throw new OptionsError(problems.map(oneLine));
  const byName = Object.entries(table).map(([name, option]) => {
    const typed = flags[name] as TypedValue;
    const given = [
      ...(typed === undefined ? [] : [{ value: typed, origin: { kind: "flag" } as const }]),
      ...[environment, fromFile].map(({ settings }) => settings.get(name)),
    ].filter((each) => each !== undefined);
    const [first = byDefault(option), ...others] = given;
    return [name, { ...first, overridden: others.map(({ origin }) => origin) }] as const;
  });
  return new Settings(table, new Map(byName), environment.notes);
}

function byDefault(option: OptionTable[string]): Omit<Setting, "overridden"> {
  return { value: "read" in option ? option.default : false, origin: { kind: "default" } };
}

function configFileOf(flags: Sources["flags"], env: Environment): ConfigFile {
  const variable = env.MESOS_BRIDGE_CONFIG;
  if (typeof flags.config === "string") return { path: flags.config, namedBy: "--config" };
  // An empty one is a problem of the environment.
  return variable === undefined || variable === "" ? noFile : { path: variable, namedBy: "MESOS_BRIDGE_CONFIG" };
}
