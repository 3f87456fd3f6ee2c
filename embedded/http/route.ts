import type { Answer, Request } from "./answer.js";

/** The path of a request as its handler knows it, without the query. */
export type Route = (path: string) => Answer | undefined;

/**
 * The answer of the handler with the longest path that the request's path begins with: as in Mesos, `/state/x` is answered by
 * `/state`. Undefined when there is none.
 */
export function routed(request: Request, route: Route): Answer | undefined {
  for (let path = normalized(request.path); path !== ""; path = path.slice(0, path.lastIndexOf("/"))) {
    const answer = route(path.replace(/\/+$/, ""));
    if (answer) return answer;
  }
  return undefined;
}

const PROCESS = /^(master|slave\(\d+\)|metrics|files|logging|profiler|system|version)$/;

/** Only the name of a process may be escaped; slashes around it and at the end don't count. */
function normalized(path: string): string {
  const [first = "", ...rest] = path.replace(/^\/+/, "").split("/");
  const tail = rest.join("/").replace(/^\/+|\/+$/g, "");
  return `/${unescaped(first)}${tail === "" ? "" : `/${tail}`}`;
}

function unescaped(text: string): string {
  try {
    const name = decodeURIComponent(text);
    return PROCESS.test(name) ? name : text;
  } catch {
    return text;
  }
}

/** A JSON answer as a call of the function that the query names as `jsonp`, for pages of other origins. */
export function asJsonp(answer: Answer, { query }: Request): Answer {
  const callback = query.get("jsonp");
  if (callback === null || answer.headers?.["Content-Type"] !== "application/json") return answer;
  const body = Buffer.concat([Buffer.from(`${callback}(`), Buffer.from(answer.body ?? ""), Buffer.from(")")]);
  return { ...answer, headers: { ...answer.headers, "Content-Type": "text/javascript" }, body };
}
