import { errorText } from "../../../wire/errorText.js";
import { type Finding, fail, type Trouble } from "./check.js";

/** Words with which the bridge's errors begin the part that says what to do. */
const CURE =
  /(?:: |\. )(add|allow|ask|change|check|choose|correct|forget|give|keep|leave|let|listen|make|move|name|put|remove|renew|replace|restore|run|say|set|stop|take|try|turn|use|write)\b/gi;

/**
 * Splits an error of the bridge, which says `what is wrong: what to do`, into both.
 *
 * @param otherwise the cure if the error names none
 */
export function troubleOf(message: string, otherwise: string): Trouble {
  const [, before = "", code, path] = /^(.*?)(ENOENT|EACCES): [^,]{1,100}, \w+ '([^']+)'$/s.exec(message) ?? [];
  if (path !== undefined) {
    return code === "ENOENT"
      ? { cause: `${before}${path} does not exist (ENOENT)`, cure: otherwise }
      : { cause: `${before}${path} may not be read by this user (EACCES)`, cure: otherwise };
  }
  const at = [...message.matchAll(CURE)].at(-1)?.index;
  if (at === undefined) return { cause: message, cure: otherwise };
  return { cause: message.slice(0, at), cure: sentence(message.slice(at + 2)) };
}

/** The failure that an error of the bridge describes. */
export function failed(error: unknown, otherwise: string): Finding {
  const { cause, cure } = troubleOf(errorText(error), otherwise);
  return fail(cause, cure);
}

/** With a capital and a full stop. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.)]$/.test(text) ? "" : "."}`;
}

/** `a`, or `a (and 2 more)`. */
export function withOthers(text: string, others: number): string {
  return others === 0 ? text : `${text} (and ${others} more)`;
}
