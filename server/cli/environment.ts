import { nearestOf } from "../access/permissions/suggestion.js";
import { type AnyOption, flagOf, type OptionTable, type TypedValue, VARIABLE_PREFIX, variableOf } from "./options.js";
import type { SourceSettings } from "./origin.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the file; the table has no such option. */
const CONFIG = "MESOS_BRIDGE_CONFIG";
/** Those of the bridge's clients, which may run on the same machine: docs/programs.md. */
const OF_CLIENTS = new Set(["MESOS_BRIDGE_CA", "MESOS_BRIDGE_CERT", "MESOS_BRIDGE_KEY", "MESOS_BRIDGE_TOKEN_FILE"]);
/** Kubernetes and Docker tell every container of a service that is called mesos-bridge. */
const OF_CONTAINERS = /^MESOS_BRIDGE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?|NAME|ENV_\w+)$/;

/** What the environment says of options. Unknown variables that begin like ours are problems. */
export function environmentSettings(
  table: OptionTable,
  env: Environment,
): SourceSettings & { readonly notes: readonly string[] } {
  const settings = new Map<string, { value: TypedValue; origin: { kind: "environment" } }>();
  const problems: string[] = [];
  const known = new Map(Object.entries(table).map(([name, option]) => [variableOf(name, option), name]));
  for (const [variable, text] of Object.entries(env)) {
    if (!variable.startsWith(VARIABLE_PREFIX) || text === undefined) continue;
    const name = known.get(variable);
    const option = name === undefined ? undefined : table[name];
    const problem =
      option || variable === CONFIG ? problemOf(option, text) : unknownProblem(variable, [...known.keys()]);
    if (problem !== undefined) problems.push(`${variable} ${problem}`);
    else if (name !== undefined && option) {
      settings.set(name, { value: variableValue(option, text), origin: { kind: "environment" } });
    }
  }
  return { settings, problems, notes: notesOf(table, env) };
}

/** To be read after the variable's name. */
function problemOf(option: AnyOption | undefined, text: string): string | undefined {
  if (text === "") return "is empty: give it a value, or unset it";
  if (option && !("read" in option) && text !== "true" && text !== "false") return "must be true or false";
  return undefined;
}

function unknownProblem(variable: string, known: readonly string[]): string | undefined {
  if (OF_CLIENTS.has(variable) || OF_CONTAINERS.test(variable)) return undefined;
  const words = [...known, CONFIG].map((each) => each.toLowerCase().replaceAll("_", "-"));
  const nearest = nearestOf(variable, words)?.toUpperCase().replaceAll("-", "_");
  const hint = nearest === undefined ? "'mesos-bridge serve --help' lists the options" : `did you mean ${nearest}?`;
  return `is not known: ${hint}`;
}

function variableValue(option: AnyOption, text: string): TypedValue {
  if (!("read" in option)) return text === "true";
  return "repeated" in option ? text.split(",").map((each) => each.trim()) : text;
}

/** A variable of clients has the name that an option would have. */
function notesOf(table: OptionTable, env: Environment): string[] {
  return Object.entries(table).flatMap(([name, option]) => {
    const variable = variableOf(name, option);
    const expected = variableOf(name, { help: "" });
    if (variable === expected || env[expected] === undefined || env[variable] !== undefined) return [];
    return [`${expected} is for clients of the bridge, and not used here: ${flagOf(name)} is ${variable}`];
  });
}
