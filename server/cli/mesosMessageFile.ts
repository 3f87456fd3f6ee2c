import { errorText } from "../../wire/errorText.js";
import { readText } from "./values.js";

/** A generated message class, as far as it is used here. */
interface MessageType<Message> {
  fromJSON(json: unknown): Message;
  toJSON(message: Message): unknown;
}

/**
 * Reads a message of `mesos.v1` from a file, in JSON with Mesos's own names, as in its HTTP API and in the
 * master's `/state`.
 *
 * @param name of the message, for errors
 * @throws Error that names the file, and the field that is wrong.
 */
export function readMessageFile<Message>(path: string, name: string, type: MessageType<Message>): Message {
  const json = parse(path);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error(`${path} does not contain a JSON object`);
  const message = type.fromJSON(json);
  const problem = difference(name, json, type.toJSON(message), "");
  if (problem !== undefined) throw new Error(`${path}: ${problem}`);
  return message;
}

function parse(path: string): unknown {
  const text = readText(path);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON${placeOf(errorText(error), text)}`);
  }
}

/** Where JSON ends to be read, from what Node says of it: that may hold a piece of the file, and not always the place. */
function placeOf(problem: string, text: string): string {
  const [, position] = /at position (\d+)/.exec(problem) ?? [];
  if (position === undefined)
    return problem.includes("end of JSON") ? ": it ends too early" : ": check its quotes, commas and brackets";
  const before = text.slice(0, Number(position)).split("\n");
  return `: see line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
}

/**
 * The first part of `given` that is missing in `taken`. The generated code drops unknown names and converts values of
 * another type, so its result is compared with the input.
 */
function difference(type: string, given: unknown, taken: unknown, path: string): string | undefined {
  if (given === null || (Array.isArray(given) && given.length === 0 && taken === undefined)) return undefined;
  if (taken === undefined) return `${type} does not have a field '${path}', or it has another type`;
  if (typeof given !== "object" || typeof taken !== "object" || taken === null) {
    return String(given) === String(taken) ? undefined : `the field '${path}' can't be ${JSON.stringify(given)}`;
  }
  if (Array.isArray(given) !== Array.isArray(taken)) return `the field '${path}' can't be ${JSON.stringify(given)}`;
  const made = taken as Record<string, unknown>;
  for (const [name, value] of Object.entries(given)) {
    const problem = difference(type, value, made[name], path === "" ? name : `${path}.${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
