import type { Secrets } from "../../../wire/secrets.js";

/** What answered a request that is not a stream of events. */
export interface Answer {
  readonly status: number;
  /** As the peer wrote it; empty if it did not. */
  readonly contentType: string;
  readonly body: Buffer;
  /** The body was not read to its end. Default false. */
  readonly incomplete?: boolean;
}

/** Of a body, this much is looked at. */
export const MAX_TEXT_BYTES = 64 * 1024;
const MAX_SUMMARY_CHARACTERS = 200;

/** An answer's status and type, for a person, such as `HTTP status 200 (text/html)`. */
export function answerName({ status, contentType }: Pick<Answer, "status" | "contentType">): string {
  const type = mediaType(contentType);
  return `HTTP status ${status}${type === "" ? "" : ` (${type})`}`;
}

/** The same with the beginning of the text, if it says that it is one. It is one line of bounded length, without secrets. */
export function answerSummary(answer: Answer, secrets: Secrets): string {
  const known = answer.contentType !== "" || isPage(answer.body);
  const text = known ? readableLine(answer, MAX_SUMMARY_CHARACTERS, secrets) : "";
  return namedLine(answer, text);
}

function namedLine(answer: Answer, line: string): string {
  return `${answerName(answer)}${line === "" ? "" : `: ${line}`}`;
}

/**
 * The text of a refusal: what Mesos wrote, or status, type and first words where somebody else did (a page, or something
 * that is not text). Without secrets, as all that is made of an answer here.
 */
export function refusalText(answer: Answer, maxCharacters: number, secrets: Secrets): string {
  if (isForeign(answer)) return namedLine(answer, readableLine(answer, MAX_SUMMARY_CHARACTERS, secrets));
  const text = readableText(answer, secrets).trim().slice(0, maxCharacters);
  return text === "" ? answerName(answer) : text;
}

/** The beginning of an answer's text as one line; empty if it is not text. */
export function readableLine(answer: Answer, maxCharacters: number, secrets: Secrets): string {
  const { contentType } = answer;
  if (contentType !== "" && !/^(text\/|application\/(json|xml|problem\+json))/i.test(contentType)) return "";
  return readableText(answer, secrets).replace(/\s+/g, " ").trim().slice(0, maxCharacters);
}

/** Statuses that a master does not give, and proxies do, but for those from 520 on. */
const OF_PROXIES = new Set([402, 407, 413, 429, 431, 451, 502, 504, 511]);

/** True if no master wrote this answer: its status or its type says so. */
export function isForeign(answer: Answer): boolean {
  return OF_PROXIES.has(answer.status) || answer.status >= 520 || foreignType(answer) !== "";
}

/** The media type of an answer that Mesos does not write, as its texts are plain; else empty. */
export function foreignType({ contentType, body }: Answer): string {
  if (contentType === "") return isPage(body) ? "text/html" : "";
  return /^text\/plain\b/i.test(contentType) ? "" : mediaType(contentType);
}

/** What a person may read of a body: without control characters, and of a page its title, or else its words. */
function readableText({ contentType, body, incomplete = false }: Answer, secrets: Secrets): string {
  const page = /\bhtml\b/i.test(contentType) || isPage(body);
  const cut = incomplete || body.length > MAX_TEXT_BYTES;
  // Before anything else is done to it, and before it is cut to what is told.
  const text = secrets.redact(body.toString("utf8", 0, MAX_TEXT_BYTES), cut);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
  return (page ? pageText(text) : text).replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, " ");
}

function isPage(body: Buffer): boolean {
  return /^\s*<(!doctype html|html)\b/i.test(body.toString("latin1", 0, 100));
}

function pageText(html: string): string {
  const lower = html.toLowerCase();
  const begin = lower.indexOf(">", lower.indexOf("<title"));
  const end = lower.indexOf("</title", begin);
  const title = lower.includes("<title") && begin !== -1 && end !== -1 ? html.slice(begin + 1, end).trim() : "";
  return title === "" ? html.replace(/<[^<>]*>/g, " ") : title;
}

/** Types that are told. Any other is not, as it may be something else than a type. */
const TYPES = new Set([
  "application/grpc",
  "application/json",
  "application/octet-stream",
  "application/problem+json",
  "application/x-protobuf",
  "application/xhtml+xml",
  "application/xml",
  "text/event-stream",
  "text/html",
  "text/plain",
  "text/xml",
]);

/** The type without its parameters; empty if the peer names none. */
function mediaType(contentType: string): string {
  const type = contentType.replace(/;.*/s, "").trim().toLowerCase();
  return type === "" || TYPES.has(type) ? type : "another type";
}
