import { type Answer, jsonAnswer, notFound, type Request, textAnswer } from "./http/answer.js";

/** A part of a server: what it is called in paths, and what its endpoints are for. */
export interface HelpProcess {
  readonly id: string;
  /** Its endpoints are served without its name too. */
  readonly isDefault?: boolean;
  readonly endpoints: Readonly<Record<string, string>>;
}

/** What masters and agents both have. */
const COMMON: readonly HelpProcess[] = [
  {
    id: "files",
    endpoints: {
      "/browse": "Returns a file listing for a directory.",
      "/debug": "Returns the internal virtual path mapping.",
      "/download": "Returns the raw file contents for a given path.",
      "/read": "Reads data from a file.",
    },
  },
  { id: "logging", endpoints: { "/toggle": "Sets the logging verbosity level for a specified duration." } },
  { id: "metrics", endpoints: { "/snapshot": "Provides a snapshot of the current metrics." } },
  { id: "system", endpoints: { "/stats.json": "Shows local system metrics." } },
  { id: "version", endpoints: { "/": "Provides version information." } },
];

/** Mesos's `/help` with all below it: a page for people, and with `?format=json` all of it at once. Undefined for other paths. */
export function answerHelp(own: readonly HelpProcess[], request: Request): Answer | undefined {
  if (request.path !== "/help" && !request.path.startsWith("/help/")) return undefined;
  const processes = [...COMMON, ...own].sort((one, other) => (one.id < other.id ? -1 : 1));
  const [, , id = "", ...rest] = request.path.split("/");
  if (id === "") return request.query.get("format") === "json" ? jsonAnswer(allOf(processes)) : indexPage(processes);
  const process = processes.find((each) => each.id === id);
  if (!process) return notFound();
  const name = `/${rest.join("/")}`;
  if (name === "/") return processPage(process);
  const text = textOf(process, name);
  return text === undefined ? textAnswer(400, `No help available for '/${id}${name}'.\n`) : page(escaped(text));
}

function allOf(processes: readonly HelpProcess[]): string {
  const all = processes.map((process) => ({
    id: process.id,
    endpoints: Object.keys(process.endpoints).map((name) => ({ name, text: textOf(process, name) })),
  }));
  return JSON.stringify({ processes: all });
}

/** In Mesos's form, as far as there is something to say. */
function textOf({ id, isDefault, endpoints }: HelpProcess, name: string): string | undefined {
  const summary = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined;
  if (summary === undefined) return undefined;
  const path = `/${id}${name === "/" ? "" : name}`;
  const usage = (isDefault ? [name, path] : [path]).map((each) => `>        ${each}\n`).join("");
  return `### USAGE ###\n${usage}\n### TL;DR; ###\n${summary}\n`;
}

function indexPage(processes: readonly HelpProcess[]): Answer {
  return page(`<h2>HELP</h2>\n${processes.map(({ id }) => link(`/help/${id}`, `/${id}`)).join("\n")}`);
}

function processPage({ id, endpoints }: HelpProcess): Answer {
  const links = Object.keys(endpoints).map((name) => link(`/help/${id}${name}`, `/${id}${name}`));
  return page(`<h2>/${id}</h2>\n${links.join("\n")}`);
}

function link(target: string, text: string): string {
  return `<a href="${target}">${text}</a>`;
}

function page(content: string): Answer {
  const body = `<html><head><title>Help</title></head><body><pre>\n${content}\n</pre></body></html>`;
  return { status: 200, headers: { "Content-Type": "text/html" }, body };
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
