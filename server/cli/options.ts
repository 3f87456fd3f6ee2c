import type { Command } from "commander";

/** An option that takes a value: what the help says of it, and how what was typed becomes that value. */
export interface ValueOption<T> {
  /** What stands for the value in the help, as in `<host:port>`. */
  readonly value: string;
  readonly help: string;
  /** What counts where the option is not given, as if it were typed. Undefined: see `read`. */
  readonly default: string | undefined;
  readonly required: boolean;
  /**
   * Reads what was typed. Gets undefined for an option that has no default, is not required and was not given.
   *
   * @throws Error that says what to type instead
   */
  readonly read: (text: string | undefined) => T;
}

/** An option that is given or not. */
export interface Switch {
  readonly help: string;
}

/** The options of a command by their names in camel case, in the order of the help. */
export type OptionTable = Readonly<Record<string, ValueOption<unknown> | Switch>>;

/** What the options of a table mean, once read. */
export type ValuesOf<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends ValueOption<infer V> ? V : boolean;
};

/** What was typed, by the options' names. */
export type Typed<T extends OptionTable> = {
  readonly [K in keyof T]?: T[K] extends ValueOption<unknown> ? string : boolean;
};

type Told = Pick<ValueOption<unknown>, "value" | "help">;

/** An option that has to be given. */
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

/** An option that may be left out, which is read as undefined. */
export const optional = <T>(option: Told & { read: (text: string) => T }): ValueOption<T | undefined> => ({
  ...option,
  default: undefined,
  required: false,
  read: (text) => (text === undefined ? undefined : option.read(text)),
});

/** Gives a command the options of a table. */
export function addOptions(command: Command, table: OptionTable): Command {
  for (const [name, option] of Object.entries(table)) {
    if (!("read" in option)) command.option(flagOf(name), option.help);
    else if (option.required) command.requiredOption(`${flagOf(name)} <${option.value}>`, option.help);
    else command.option(`${flagOf(name)} <${option.value}>`, option.help, option.default);
  }
  return command;
}

/** Reads what was typed. @throws Error with one line that names the option */
export function readOptions<T extends OptionTable>(table: T, typed: Typed<T>): ValuesOf<T> {
  const values = Object.entries(table).map(([name, option]) => [name, readOne(name, option, typed[name])] as const);
  return Object.fromEntries(values) as ValuesOf<T>;
}

function readOne(name: string, option: ValueOption<unknown> | Switch, typed: string | boolean | undefined): unknown {
  if (!("read" in option)) return typed === true;
  return named(name, () => option.read(typeof typed === "string" ? typed : undefined));
}

/** Does something with an option's value. An error names the option. */
export function named<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(`${flagOf(name)}: ${(error as Error).message}`);
  }
}

/** As it is typed: `--master-ca` of `masterCa`. */
const flagOf = (name: string) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
