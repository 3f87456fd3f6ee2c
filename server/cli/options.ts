import { type Command, Option } from "commander";
import { errorText } from "../../wire/errorText.js";
import type { Reader, ValueSchema } from "./values.js";

/** An option with a value: its help, and how the typed text becomes that value. */
export interface ValueOption<T> extends Told {
  /** The text that is used if the option is not given. Undefined: see `read`. */
  readonly default: string | undefined;
  readonly required: boolean;
  readonly schema: ValueSchema;
  /**
   * Reads the typed text, which is undefined for an option that has no default and was not given.
   *
   * @throws Error that says what to type instead
   */
  readonly read: (text: string | undefined) => T;
}

/** An option that may be given several times. */
export interface ListOption<T> extends Told {
  /** The text that is used if the option is not given. */
  readonly default: string;
  readonly repeated: true;
  readonly schema: ValueSchema;
  /** Reads one of the typed texts. @throws Error that says what to type instead */
  readonly read: (text: string) => T;
}

/** An option that is given or not. */
export interface Switch {
  readonly help: string;
}

/** Any option of a table. */
export type AnyOption = ValueOption<unknown> | ListOption<unknown> | Switch;

/** The options of a command by their names in camel case, in the order of the help. */
export type OptionTable = Readonly<Record<string, AnyOption>>;

/** The values of the options of a table. */
export type ValuesOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends ListOption<infer V>
    ? readonly V[]
    : T[K] extends ValueOption<infer V>
      ? V
      : boolean;
};

/** The typed texts, by the options' names. */
export type Typed<T extends OptionTable> = {
  readonly [K in keyof T]?: T[K] extends ListOption<unknown>
    ? string | readonly string[]
    : T[K] extends ValueOption<unknown>
      ? string
      : boolean;
};

/** What was given for one option. */
export type TypedValue = string | readonly string[] | boolean | undefined;

interface Told {
  /** The placeholder for the value in the help, such as `host:port`. */
  readonly value: string;
  readonly help: string;
  /** The environment variable, if it is not the one that follows from the name. */
  readonly variable?: string;
  /** Makes a text of the value that may be shown to anyone. Default: all of it */
  readonly shown?: (text: string) => string;
}

type Read<T> = { readonly read: Reader<T> };

const anyText: ValueSchema = { type: "string" };

/** An option that must be given. */
export const required = <T>(option: Told & Read<T>): ValueOption<T> => ({
  ...option,
  default: undefined,
  required: true,
  schema: option.read.schema ?? anyText,
  read(text) {
    if (text === undefined) throw new Error("is required");
    return option.read(text);
  },
});

/** An option with a default. */
export const defaulted = <T>(option: Told & { default: string } & Read<T>): ValueOption<T> => ({
  ...option,
  required: false,
  schema: option.read.schema ?? anyText,
  read: (text) => option.read(text ?? option.default),
});

/** An option that may be left out: then its value is undefined. */
export const optional = <T>(option: Told & Read<T>): ValueOption<T | undefined> => ({
  ...option,
  default: undefined,
  required: false,
  schema: option.read.schema ?? anyText,
  read: (text) => (text === undefined ? undefined : option.read(text)),
});

/** An option that may be given several times, with a default for when it is not given at all. */
export const repeated = <T>(option: Told & { default: string } & Read<T>): ListOption<T> => ({
  ...option,
  repeated: true,
  schema: option.read.schema ?? anyText,
});

/** Adds the options of a table to a command. Its `opts()` then has what was typed, without defaults. */
export function addOptions(command: Command, table: OptionTable, { hidden = false } = {}): Command {
  for (const [name, option] of Object.entries(table)) {
    for (const each of optionsOf(command, name, option)) command.addOption(hidden ? each.hideHelp() : each);
  }
  return command;
}

function optionsOf(command: Command, name: string, option: AnyOption): Option[] {
  const flag = flagOf(name);
  if (!("read" in option)) {
    // For a value of the environment or the file that is not wanted this time.
    const negation = new Option(`--no-${keyOf(name)}`).hideHelp();
    return [new Option(flag, option.help), negation];
  }
  const added = new Option(`${flag} <${option.value}>`, option.help + noteOf(option));
  if ("repeated" in option) return [added.argParser(collected)];
  return [added.argParser((text, before: unknown) => once(command, flag, text, before))];
}

function noteOf(option: ValueOption<unknown> | ListOption<unknown>): string {
  if (option.default !== undefined) return ` (default: "${option.default}")`;
  return "required" in option && option.required ? " (required)" : "";
}

/** The texts so far, and another one. */
function collected(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** The text, which may be given again if it is the same. The texts are not told: one may hold a password. */
function once(command: Command, flag: string, text: string, before: unknown): string {
  if (before === undefined || before === text) return text;
  return command.error(`error: ${flag} is given twice with different values: give it once`);
}

/** What is wrong with options: each problem is one line that names its option. */
export class OptionsError extends Error {
  override readonly name = "OptionsError";
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const more = problems.length - 1;
    const hint = more > 0 ? ` (and ${more} more: 'mesos-bridge config check' lists all of them)` : "";
    super(`${problems[0]}${hint}`);
    this.problems = problems;
  }
}

/** Reads the typed texts. @throws OptionsError */
export function readOptions<T extends OptionTable>(table: T, typed: Typed<T>): ValuesOf<T> {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(table)) {
    try {
      values[name] = readOne(name, option, typed[name]);
    } catch (error) {
      problems.push(errorText(error));
    }
  }
  if (problems.length > 0) throw new OptionsError(problems);
  return values as ValuesOf<T>;
}

function readOne(name: string, option: AnyOption, typed: TypedValue): unknown {
  if (!("read" in option)) return typed === true;
  if ("repeated" in option) {
    const texts = Array.isArray(typed) ? typed : [typeof typed === "string" ? typed : option.default];
    return texts.map((text: string) => named(name, () => option.read(text)));
  }
  if (option.required && typed === undefined) throw new Error(missing(name, option));
  return named(name, () => option.read(typeof typed === "string" ? typed : undefined));
}

function missing(name: string, option: AnyOption): string {
  return `${flagOf(name)} is required: give it, or ${variableOf(name, option)}, or '${keyOf(name)}' in the file of --config`;
}

/** Runs `read`. If it throws, the error names the option. */
export function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${flagOf(name)}: ${errorText(error)}`);
  }
}

/** The key of an option in a file: `master-ca` for `masterCa`. */
export const keyOf = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The flag of an option: `--master-ca` for `masterCa`. */
export const flagOf = (name: string) => `--${keyOf(name)}`;

export const VARIABLE_PREFIX = "MESOS_BRIDGE_";

/** The environment variable of an option: `MESOS_BRIDGE_MASTER_CA` for `masterCa`. */
export function variableOf(name: string, option: AnyOption): string {
  const own = "read" in option ? option.variable : undefined;
  return own ?? `${VARIABLE_PREFIX}${keyOf(name).replaceAll("-", "_").toUpperCase()}`;
}
