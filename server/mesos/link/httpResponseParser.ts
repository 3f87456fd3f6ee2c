import { type Answer, answerName } from "./answerText.js";

/** One answer on a connection of pipelined requests. */
export interface HttpResponse extends Answer {
  /** Where it redirects to, if it does. */
  readonly location: string | undefined;
  /** False when the peer closes the connection after this answer. */
  readonly keepAlive: boolean;
}

/** The bytes are not HTTP/1.1 as a Mesos master speaks it. */
export class HttpParseError extends Error {
  override readonly name = "HttpParseError";
}

const HEAD_END = Buffer.from("\r\n\r\n");
const LINE_END = Buffer.from("\r\n");
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
/** A chunk's size and extensions. */
const MAX_CHUNK_LINE_BYTES = 1024;
const EMPTY = Buffer.alloc(0);

/** What comes next in an answer whose head is read. */
type Expected =
  | { readonly kind: "body"; missing: number }
  | { readonly kind: "chunk"; missing: number }
  | { readonly kind: "chunk-line" }
  | { readonly kind: "trailers" };

/** An answer whose head is read. */
interface OpenResponse {
  readonly head: Omit<HttpResponse, "body">;
  readonly parts: Buffer[];
  /** More than the head is read, or is to come. */
  begun: boolean;
  bodyBytes: number;
  trailerBytes: number;
  expected: Expected;
}

/**
 * Reads the answers of pipelined calls. A master's answers are short (a 202 without a body,
 * or an error text), so an answer is handed out in one piece; what is longer than that is refused.
 */
export class HttpResponseParser {
  /** What was not read yet: part of a head or of a line. */
  #buffered: Buffer = EMPTY;
  #open: OpenResponse | undefined;
  /** The last answer without a body, and its bytes: until the second of its Date is over, most are the same. */
  #last: { readonly bytes: Buffer; readonly response: HttpResponse } | undefined;

  /** @throws HttpParseError, after which the connection is of no use. */
  push(chunk: Buffer, onResponse: (response: HttpResponse) => void): void {
    const input = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let at = 0;
    for (;;) {
      if (!this.#open && this.#last && startsWith(input, at, this.#last.bytes)) {
        at += this.#last.bytes.length;
        onResponse(this.#last.response);
        continue;
      }
      const next = this.#open ? this.#readBody(this.#open, input, at) : this.#readHead(input, at);
      if (next === undefined) break;
      if (this.#open && isComplete(this.#open)) {
        const { head, parts } = this.#open;
        const response = { ...head, body: parts.length === 0 ? EMPTY : Buffer.concat(parts) };
        if (!this.#open.begun) this.#last = { bytes: Buffer.from(input.subarray(at, next)), response };
        this.#open = undefined;
        onResponse(response);
      } else if (this.#open) this.#open.begun = true;
      at = next;
    }
    this.#buffered = at === input.length ? EMPTY : input.subarray(at);
  }

  /** Where the head that starts at `from` ends, or undefined if more bytes are needed. */
  #readHead(input: Buffer, from: number): number | undefined {
    if (from === input.length) return undefined;
    const end = input.indexOf(HEAD_END, from);
    if (end === -1 || end - from > MAX_HEAD_BYTES) {
      if (!looksLikeHttp(input, from)) throw new HttpParseError("the peer does not speak HTTP");
      if (input.length - from > MAX_HEAD_BYTES) throw new HttpParseError("the head of an answer is too large");
      return undefined;
    }
    const head = input.toString("latin1", from, end);
    const status = parseStatus(head);
    if (status === 101) throw new HttpParseError("the peer switches to a protocol that was not asked for");
    // Informational answers come before the answer itself.
    if (status >= 200) this.#open = openResponse(status, head);
    return end + HEAD_END.length;
  }

  /** How far what is expected next reaches, or undefined if more bytes are needed. */
  #readBody(open: OpenResponse, input: Buffer, at: number): number | undefined {
    const { expected } = open;
    switch (expected.kind) {
      case "body":
      case "chunk":
        return expected.missing > 0 ? readBytes(open, expected, input, at) : readChunkEnd(open, input, at);
      case "chunk-line":
        return readChunkLine(open, input, at);
      case "trailers":
        return readTrailer(open, input, at);
    }
  }
}

function startsWith(input: Buffer, at: number, bytes: Buffer): boolean {
  const end = at + bytes.length;
  return end <= input.length && input.compare(bytes, 0, bytes.length, at, end) === 0;
}

function isComplete({ expected }: OpenResponse): boolean {
  return expected.kind === "body" && expected.missing === 0;
}

function openResponse(status: number, text: string): OpenResponse {
  const keepAlive = !/\r\nconnection:[^\r]*\bclose\b/i.test(text);
  const contentType = /\r\ncontent-type:[ \t]*([^\r\n]*)/i.exec(text)?.[1] ?? "";
  const location = /\r\nlocation:[ \t]*([^\r\n]*)/i.exec(text)?.[1]?.trim();
  const head = { status, keepAlive, contentType, location };
  return { head, parts: [], begun: false, bodyBytes: 0, trailerBytes: 0, expected: bodyOf(head, text) };
}

type Head = OpenResponse["head"];

function bodyOf(head: Head, text: string): Expected {
  if (head.status === 204 || head.status === 304) return { kind: "body", missing: 0 };
  if (/\r\ntransfer-encoding:[^\r]*\bchunked\b/i.test(text)) return { kind: "chunk-line" };
  const lengths = [...text.matchAll(/\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r|$)/gi)].map((match) => Number(match[1]));
  const [length] = lengths;
  if (length === undefined) throw refused(head, "without Content-Length");
  if (lengths.some((other) => other !== length)) throw refused(head, "with two lengths");
  return { kind: "body", missing: boundedLength(head, length) };
}

/** An answer that can't be read, or is not worth it: what it is, and what is wrong with it. */
function refused(head: Head, problem: string): HttpParseError {
  return new HttpParseError(`an answer ${problem}${head.contentType === "" ? "" : `: ${answerName(head)}`}`);
}

function readBytes(open: OpenResponse, expected: { missing: number }, input: Buffer, at: number): number | undefined {
  const end = Math.min(at + expected.missing, input.length);
  if (end === at) return undefined;
  open.parts.push(input.subarray(at, end));
  open.bodyBytes += end - at;
  expected.missing -= end - at;
  return end;
}

function readChunkLine(open: OpenResponse, input: Buffer, at: number): number | undefined {
  const end = input.indexOf(LINE_END, at);
  if (end === -1 || end - at > MAX_CHUNK_LINE_BYTES) {
    if (input.length - at > MAX_CHUNK_LINE_BYTES) throw new HttpParseError("an answer with a malformed chunk");
    return undefined;
  }
  const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(input.toString("latin1", at, end))?.[1];
  if (size === undefined) throw new HttpParseError("an answer with a malformed chunk");
  const length = Number.parseInt(size, 16);
  boundedLength(open.head, open.bodyBytes + length);
  open.expected = length === 0 ? { kind: "trailers" } : { kind: "chunk", missing: length };
  return end + LINE_END.length;
}

/** The line end after a chunk's bytes. */
function readChunkEnd(open: OpenResponse, input: Buffer, at: number): number | undefined {
  const end = input.subarray(at, at + LINE_END.length);
  if (!LINE_END.subarray(0, end.length).equals(end)) throw new HttpParseError("an answer with a malformed chunk");
  if (end.length < LINE_END.length) return undefined;
  open.expected = { kind: "chunk-line" };
  return at + LINE_END.length;
}

function readTrailer(open: OpenResponse, input: Buffer, at: number): number | undefined {
  const end = input.indexOf(LINE_END, at);
  const read = (end === -1 ? input.length : end) - at;
  if (open.trailerBytes + read > MAX_HEAD_BYTES) throw new HttpParseError("an answer with too many trailers");
  if (end === -1) return undefined;
  open.trailerBytes += read + LINE_END.length;
  if (end === at) open.expected = { kind: "body", missing: 0 };
  return end + LINE_END.length;
}

function looksLikeHttp(input: Buffer, from: number): boolean {
  return "HTTP/1.".startsWith(input.toString("latin1", from, Math.min(from + 7, input.length)));
}

function parseStatus(head: string): number {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1];
  if (status === undefined) throw new HttpParseError("the peer does not speak HTTP");
  return Number(status);
}

function boundedLength(head: Head, length: number): number {
  if (length > MAX_BODY_BYTES) throw refused(head, `of over ${MAX_BODY_BYTES} bytes`);
  return length;
}
