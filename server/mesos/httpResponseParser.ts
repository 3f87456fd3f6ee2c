/** One answer on a connection of pipelined requests. */
export interface HttpResponse {
  readonly status: number;
  readonly body: Buffer;
  /** False when the peer closes the connection after this answer. */
  readonly keepAlive: boolean;
}

/** The bytes are not HTTP/1.1 as a Mesos master speaks it. */
export class HttpParseError extends Error {
  override readonly name = "HttpParseError";
}

const HEAD_END = Buffer.from("\r\n\r\n");
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
const EMPTY = Buffer.alloc(0);

/**
 * Reads the answers of pipelined calls. A master's answers are short (a 202 without a
 * body, or an error text), so an answer is parsed in one piece once all of it is here.
 */
export class HttpResponseParser {
  #buffered: Buffer = EMPTY;

  /** True when an answer has begun and not ended. */
  get inResponse(): boolean {
    return this.#buffered.length > 0;
  }

  /** @throws HttpParseError, after which the connection is of no use. */
  push(chunk: Buffer, onResponse: (response: HttpResponse) => void): void {
    this.#buffered = this.#buffered.length === 0 ? chunk : Buffer.concat([this.#buffered, chunk]);
    let at = 0;
    while (at < this.#buffered.length) {
      const end = this.#parseOne(at, onResponse);
      if (end === undefined) break;
      at = end;
    }
    this.#buffered = at === this.#buffered.length ? EMPTY : this.#buffered.subarray(at);
  }

  /** Parses the answer that starts at `from`; where it ends, or undefined if more bytes are needed. */
  #parseOne(from: number, onResponse: (response: HttpResponse) => void): number | undefined {
    const headEnd = this.#buffered.indexOf(HEAD_END, from);
    if (headEnd === -1) {
      if (this.#buffered.length - from > MAX_HEAD_BYTES) throw new HttpParseError("the head of an answer is too large");
      if (!looksLikeHttp(this.#buffered, from)) throw new HttpParseError("the peer does not speak HTTP");
      return undefined;
    }
    const head = this.#buffered.toString("latin1", from, headEnd);
    const status = parseStatus(head);
    const bodyStart = headEnd + HEAD_END.length;
    if (status >= 100 && status < 200) return bodyStart;
    const body = this.#parseBody(head, status, bodyStart);
    if (body === undefined) return undefined;
    onResponse({ status, body: body.bytes, keepAlive: !/\r\nconnection:[^\r]*\bclose\b/i.test(head) });
    return body.end;
  }

  #parseBody(head: string, status: number, start: number): { bytes: Buffer; end: number } | undefined {
    if (status === 204 || status === 304) return { bytes: EMPTY, end: start };
    if (/\r\ntransfer-encoding:[^\r]*\bchunked\b/i.test(head)) return this.#parseChunked(start);
    const length = /\r\ncontent-length:[ \t]*(\d+)[ \t]*(?:\r|$)/i.exec(head)?.[1];
    if (length === undefined) throw new HttpParseError("an answer without Content-Length");
    const end = start + boundedLength(Number(length));
    if (end > this.#buffered.length) return undefined;
    return { bytes: end === start ? EMPTY : this.#buffered.subarray(start, end), end };
  }

  #parseChunked(start: number): { bytes: Buffer; end: number } | undefined {
    const chunks: Buffer[] = [];
    let total = 0;
    let at = start;
    for (;;) {
      const lineEnd = this.#buffered.indexOf("\r\n", at);
      if (lineEnd === -1) return undefined;
      const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(this.#buffered.toString("latin1", at, lineEnd))?.[1];
      if (size === undefined) throw new HttpParseError("an answer with a malformed chunk");
      const length = Number.parseInt(size, 16);
      total = boundedLength(total + length);
      at = lineEnd + 2;
      if (length === 0) return this.#parseTrailers(at, Buffer.concat(chunks));
      if (at + length + 2 > this.#buffered.length) return undefined;
      chunks.push(this.#buffered.subarray(at, at + length));
      at += length + 2;
    }
  }

  #parseTrailers(from: number, bytes: Buffer): { bytes: Buffer; end: number } | undefined {
    let at = from;
    for (;;) {
      const lineEnd = this.#buffered.indexOf("\r\n", at);
      if (lineEnd === -1) return undefined;
      if (lineEnd === at) return { bytes, end: at + 2 };
      at = lineEnd + 2;
    }
  }
}

function looksLikeHttp(buffer: Buffer, from: number): boolean {
  return "HTTP/1.".startsWith(buffer.toString("latin1", from, Math.min(from + 7, buffer.length)));
}

function parseStatus(head: string): number {
  const status = /^HTTP\/1\.[01] (\d{3})(?: |\r|$)/.exec(head)?.[1];
  if (status === undefined) throw new HttpParseError("the peer does not speak HTTP");
  return Number(status);
}

function boundedLength(length: number): number {
  if (length > MAX_BODY_BYTES) throw new HttpParseError(`an answer of over ${MAX_BODY_BYTES} bytes`);
  return length;
}
