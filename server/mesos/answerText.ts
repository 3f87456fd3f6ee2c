/** What answered a request that is not a stream of events. */
export interface Answer {
  readonly status: number;
  /** As the peer wrote it; empty if it did not. */
  readonly contentType: string;
  readonly body: Buffer;
}

/** Of a page, this much is looked at for its words. */
const MAX_PAGE_BYTES = 16 * 1024;
const MAX_SUMMARY_CHARACTERS = 200;

/** An answer's status and type, for a person, as `HTTP status 200 (text/html)`. */
export function answerName({ status, contentType }: Omit<Answer, "body">): string {
  const type = mediaType(contentType);
  return `HTTP status ${status}${type === "" ? "" : ` (${type})`}`;
}

/** The same with the beginning of the text, if it says that it is one. It is one line of bounded length. */
export function answerSummary(answer: Answer): string {
  const known = answer.contentType !== "" || isPage(answer.body);
  const text = known ? readableLine(answer, MAX_SUMMARY_CHARACTERS) : "";
  return `${answerName(answer)}${text === "" ? "" : `: ${text}`}`;
}

/**
 * The text of a refusal: what Mesos wrote, or a summary where somebody else did (a page, or something that is not text).
 */
export function refusalText(answer: Answer, maxCharacters: number): string {
  if (foreignType(answer) !== "") return answerSummary(answer);
  const text = readableText(answer, 4 * maxCharacters)
    .trim()
    .slice(0, maxCharacters);
  return text === "" ? answerName(answer) : text;
}

/** The beginning of an answer's text as one line; empty if it is not text. */
export function readableLine(answer: Answer, maxCharacters: number): string {
  const { contentType } = answer;
  if (contentType !== "" && !/^(text\/|application\/(json|xml|problem\+json))/i.test(contentType)) return "";
  return readableText(answer, MAX_PAGE_BYTES).replace(/\s+/g, " ").trim().slice(0, maxCharacters);
}

/** The media type of an answer that Mesos does not write, as its texts are plain; else empty. */
export function foreignType({ contentType, body }: Answer): string {
  if (contentType === "") return isPage(body) ? "text/html" : "";
  return /^text\/plain\b/i.test(contentType) ? "" : mediaType(contentType) || "of unknown type";
}

/** What a person may read of a body: without control characters, and of a page its title, or else its words. */
function readableText({ contentType, body }: Answer, maxBytes: number): string {
  const page = /\bhtml\b/i.test(contentType) || isPage(body);
  const text = body.toString("utf8", 0, page ? MAX_PAGE_BYTES : maxBytes);
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

/** Type and subtype; empty where what stands there is not that. */
function mediaType(contentType: string): string {
  return /^[\w.+-]{1,60}\/[\w.+-]{1,60}(?=[\s;,]|$)/.exec(contentType)?.[0].toLowerCase() ?? "";
}
