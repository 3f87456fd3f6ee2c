import { readFileSync } from "node:fs";
import { FrameworkInfo } from "../../gen/mesos/v1/mesos.js";
import { errorText } from "../../wire/errorText.js";

/**
 * Reads a `mesos.v1.FrameworkInfo` from a file, in JSON with Mesos's own names, as in its HTTP API and in the
 * master's `/state`.
 *
 * @throws Error that names the file, and the field that is wrong.
 */
export function readFrameworkInfo(path: string): FrameworkInfo {
  const json = parse(path);
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new Error(`${path} does not contain a JSON object`);
  const info = FrameworkInfo.fromJSON(json);
  const problem = difference(json, FrameworkInfo.toJSON(info), "");
  if (problem !== undefined) throw new Error(`${path}: ${problem}`);
  return info;
}

function parse(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new Error(`${path} can't be read: ${errorText(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${path} is not JSON: ${errorText(error)}`);
  }
}

/**
 * The first part of `given` that is missing in `taken`. The generated code drops unknown names and converts values of
 * another type, so its result is compared with the input.
 */
function difference(given: unknown, taken: unknown, path: string): string | undefined {
  if (given === null || (Array.isArray(given) && given.length === 0 && taken === undefined)) return undefined;
  if (taken === undefined) return `FrameworkInfo does not have a field '${path}', or it has another type`;
  if (typeof given !== "object" || typeof taken !== "object" || taken === null) {
    return String(given) === String(taken) ? undefined : `the field '${path}' can't be ${JSON.stringify(given)}`;
  }
  if (Array.isArray(given) !== Array.isArray(taken)) return `the field '${path}' can't be ${JSON.stringify(given)}`;
  const made = taken as Record<string, unknown>;
  for (const [name, value] of Object.entries(given)) {
    const problem = difference(value, made[name], path === "" ? name : `${path}.${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
