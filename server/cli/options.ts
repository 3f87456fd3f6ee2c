import type { Command } from "commander";
import { errorText } from "../../wire/errorText.js";

/** An option with a value: its help, and how the typed text becomes that value. */
export interface ValueOption<T> {
  /** The placeholder for the value in the help, such as `host:port`. */
  readonly value: string;
  readonly help: string;
  /** The text that is used if the option is not given. Undefined: see `read`. */
  readonly default: string | undefined;
  readonly required: boolean;
  /**
   * Reads the typed text, which is undefined for an option that has no default, is not required and was not given.
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
  /** Reads one of the typed texts. @throws Error that says what to type instead */
  readonly read: (text: string) => T;
}

/** An option that is given or not. */
export interface Switch {
  readonly help: string;
}

/** The options of a command by their names in camel case, in the order of the help. */
export type OptionTable = Readonly<Record<string, ValueOption<unknown> | ListOption<unknown> | Switch>>;

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

type Told = Pick<ValueOption<unknown>, "value" | "help">;

/** An option that must be given. */
export const required = <T>(option: Told & { read: (text: string) => T }): ValueOption<T> => ({
  ...option,
  default: undefined,
  required: true,
  read: (text) => option.read(text ?? ""),
});

/** An option with a default. */
export const defaulted = <T>(option: Told & { default: string; read: (text: string) => T }): ValueOption<T> => ({
  ...option,
  required: false,
  read: (text) => option.read(text ?? option.default),
});

/** An option that may be left out: then its value is undefined. */
export const optional = <T>(option: Told & { read: (text: string) => T }): ValueOption<T | undefined> => ({
  ...option,
  default: undefined,
  required: false,
  read: (text) => (text === undefined ? undefined : option.read(text)),
});

/** An option that may be given several times, with a default for when it is not given at all. */
export const repeated = <T>(option: Omit<ListOption<T>, "repeated">): ListOption<T> => ({ ...option, repeated: true });

/** Adds the options of a table to a command. */
export function addOptions(command: Command, table: OptionTable): Command {
  for (const [name, option] of Object.entries(table)) {
    if (!("read" in option)) command.option(flagOf(name), option.help);
    else if ("repeated" in option)
      command.option(`${flagOf(name)} <${option.value}>`, option.help, collected, option.default);
    else if (option.required) command.requiredOption(`${flagOf(name)} <${option.value}>`, option.help);
    else command.option(`${flagOf(name)} <${option.value}>`, option.help, option.default);
  }
  return command;
}

/** Reads the typed texts. @throws Error with one line that names the option */
export function readOptions<T extends OptionTable>(table: T, typed: Typed<T>): ValuesOf<T> {
  const values = Object.entries(table).map(([name, option]) => [name, readOne(name, option, typed[name])] as const);
  return Object.fromEntries(values) as ValuesOf<T>;
}

/** The texts so far, or the default, and another one. */
function collected(text: string, before: string | readonly string[]): readonly string[] {
  return typeof before === "string" ? [text] : [...before, text];
}

type TypedValue = string | readonly string[] | boolean | undefined;

function readOne(name: string, option: OptionTable[string], typed: TypedValue): unknown {
  if (!("read" in option)) return typed === true;
  if ("repeated" in option) {
    const texts = Array.isArray(typed) ? typed : [typeof typed === "string" ? typed : option.default];
    return texts.map((text: string) => named(name, () => option.read(text)));
  }
  return named(name, () => option.read(typeof typed === "string" ? typed : undefined));
}

/** Runs `read`. If it throws, the error names the option. */
export function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${flagOf(name)}: ${errorText(error)}`);
  }
}

/** The flag of an option: `--master-ca` for `masterCa`. */
const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
