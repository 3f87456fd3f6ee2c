import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HttpParseError, HttpResponseParser } from "../../../server/mesos/link/httpResponseParser.js";

interface Parsed {
  status: number;
  body: string;
  keepAlive: boolean;
}

interface Outcome {
  responses: Parsed[];
  error?: string;
}

function parse(chunks: readonly Buffer[]): Outcome {
  const parser = new HttpResponseParser();
  const responses: Parsed[] = [];
  try {
    for (const chunk of chunks) {
      parser.push(chunk, ({ status, body, keepAlive }) => {
        responses.push({ status, body: body.toString("latin1"), keepAlive });
      });
    }
  } catch (error) {
    expect(error).toBeInstanceOf(HttpParseError);
    return { responses, error: (error as Error).message };
  }
  return { responses };
}

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");
const whole = (text: string) => [bytes(text)];
const byteByByte = (text: string) => Array.from(text, (char) => bytes(char));

function cutAt(text: string, cuts: readonly number[]): Buffer[] {
  const borders = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
  return borders.slice(1).map((end, i) => bytes(text.slice(borders[i], end)));
}

const accepted = "HTTP/1.1 202 Accepted\r\nDate: Mon, 23 Nov 2026 01:00:00 GMT\r\nContent-Length: 0\r\n\r\n";
const ok = (body: string, more = "") => `HTTP/1.1 200 OK\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (rest: string) => `HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n${rest}`;
const taken: Parsed = { status: 202, body: "", keepAlive: true };
const bad = (body: string): Parsed => ({ status: 400, body, keepAlive: true });

const cases: [name: string, input: string, expected: Outcome][] = [
  ["nothing", "", { responses: [] }],
  ["a 202", accepted, { responses: [taken] }],
  ["three of them", accepted.repeat(3), { responses: [taken, taken, taken] }],
  ["half a head", "HTTP/1.1 202 Acc", { responses: [] }],
  ["half a body", ok("hello").slice(0, -2), { responses: [] }],
  ["a body", ok("hello"), { responses: [{ status: 200, body: "hello", keepAlive: true }] }],
  [
    "a body that looks like an answer",
    ok(accepted) + accepted,
    { responses: [{ status: 200, body: accepted, keepAlive: true }, taken] },
  ],
  ["no reason phrase", "HTTP/1.1 202\r\nContent-Length: 0\r\n\r\n", { responses: [taken] }],
  ["HTTP/1.0", "HTTP/1.0 202 OK\r\nContent-Length: 0\r\n\r\n", { responses: [taken] }],
  ["headers in other letters", "HTTP/1.1 202 Accepted\r\nCONTENT-LENGTH:\t0 \r\n\r\n", { responses: [taken] }],
  [
    "the word in another header's value",
    "HTTP/1.1 202 Accepted\r\nX-Why: connection: close\r\nContent-Length: 0\r\n\r\n",
    { responses: [taken] },
  ],
  [
    "close",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    { responses: [{ ...taken, keepAlive: false }] },
  ],
  [
    "close among others",
    "HTTP/1.1 202 Accepted\r\nconnection: foo, Close\r\ncontent-length: 0\r\n\r\n",
    { responses: [{ ...taken, keepAlive: false }] },
  ],
  ["100-continue", `HTTP/1.1 100 Continue\r\n\r\n${accepted}`, { responses: [taken] }],
  [
    "several informational answers",
    `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${accepted}`,
    { responses: [taken] },
  ],
  [
    "204 without a length",
    `HTTP/1.1 204 No Content\r\n\r\n${accepted}`,
    { responses: [{ status: 204, body: "", keepAlive: true }, taken] },
  ],
  ["a chunked body", `${chunked("5\r\nhello\r\n0\r\n\r\n")}${accepted}`, { responses: [bad("hello"), taken] }],
  ["chunks", chunked("1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"), { responses: [bad("abc")] }],
  ["no chunks", chunked("0\r\n\r\n"), { responses: [bad("")] }],
  ["hexadecimal chunk sizes", chunked(`1A\r\n${"x".repeat(26)}\r\n0\r\n\r\n`), { responses: [bad("x".repeat(26))] }],
  ["chunk extensions", chunked('1;name="v"\r\na\r\n0;x\r\n\r\n'), { responses: [bad("a")] }],
  ["trailers", chunked("1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n"), { responses: [bad("a")] }],
  ["a chunk that holds line ends", chunked("4\r\n\r\n\r\n\r\n0\r\n\r\n"), { responses: [bad("\r\n\r\n")] }],
  ["half a chunk", chunked("5\r\nhel"), { responses: [] }],
  ["chunks without an end", chunked("1\r\na\r\n"), { responses: [] }],
  ["garbage", "garbage\r\n\r\n", { responses: [], error: "the peer does not speak HTTP" }],
  ["garbage without an end", "SSH-2.0-OpenSSH", { responses: [], error: "the peer does not speak HTTP" }],
  ["bytes that are no text", "\x00\xff\x15\x03", { responses: [], error: "the peer does not speak HTTP" }],
  ["garbage after an answer", `${accepted}\r\n`, { responses: [taken], error: "the peer does not speak HTTP" }],
  ["HTTP/2", "HTTP/2 200\r\nContent-Length: 0\r\n\r\n", { responses: [], error: "the peer does not speak HTTP" }],
  [
    "a status of two digits",
    "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    { responses: [], error: "the peer does not speak HTTP" },
  ],
  [
    "a status of four digits",
    "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    { responses: [], error: "the peer does not speak HTTP" },
  ],
  ["no length", "HTTP/1.1 200 OK\r\n\r\nhello", { responses: [], error: "an answer without Content-Length" }],
  [
    "a negative length",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    { responses: [], error: "an answer without Content-Length" },
  ],
  [
    "a length that is no number",
    "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n",
    { responses: [], error: "an answer without Content-Length" },
  ],
  [
    "a huge length",
    "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
    { responses: [], error: "an answer of over 1048576 bytes" },
  ],
  [
    "a length over the limit",
    "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n",
    { responses: [], error: "an answer of over 1048576 bytes" },
  ],
  [
    "two lengths that differ",
    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 9\r\n\r\n",
    { responses: [], error: "an answer with two lengths" },
  ],
  [
    "the same length twice",
    "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    { responses: [taken] },
  ],
  ["a chunk of a hostile size", chunked("ffffffff\r\n"), { responses: [], error: "an answer of over 1048576 bytes" }],
  ["a chunk size that is no number", chunked("xyz\r\n"), { responses: [], error: "an answer with a malformed chunk" }],
  ["a chunk without a size", chunked("\r\n"), { responses: [], error: "an answer with a malformed chunk" }],
  ["a negative chunk size", chunked("-1\r\n"), { responses: [], error: "an answer with a malformed chunk" }],
  [
    "a chunk longer than its size",
    chunked("1\r\nabc\r\n0\r\n\r\n"),
    { responses: [], error: "an answer with a malformed chunk" },
  ],
];

describe.each([
  ["whole", whole],
  ["byte by byte", byteByByte],
])("read %s", (_, cut) => {
  test.each(cases)("%s", (_name, input, expected) => {
    expect(parse(cut(input))).toEqual(expected);
  });
});

test("chunk borders make no difference", () => {
  const inputs = fc.constantFrom(...cases.map(([, input]) => input).filter((input) => input.length > 0));
  fc.assert(
    fc.property(fc.array(inputs, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 6 }), (parts, cuts) => {
      const input = parts.join("");
      expect(parse(cutAt(input, cuts))).toEqual(parse(whole(input)));
    }),
    { numRuns: 500 },
  );
});

test("garbage gives HttpParseError only", () => {
  const garbage = fc.string({ unit: "binary", maxLength: 200 });
  const afterHead = fc.constantFrom("", "HTTP/1.1 200 OK\r\n", chunked(""), "HTTP/1.1 200 OK\r\nContent-Length: ");
  fc.assert(
    fc.property(afterHead, garbage, (head, rest) => {
      parse(whole(head + rest));
      parse(byteByByte(head + rest));
    }),
    { numRuns: 500 },
  );
});

describe("what does not end is given up", () => {
  /** Feeds the same piece until the parser gives up; how many bytes that took. */
  function feed(start: string, piece: string): { error: string; bytes: number } {
    const parser = new HttpResponseParser();
    parser.push(bytes(start), () => {});
    const chunk = bytes(piece.repeat(Math.ceil(16_384 / piece.length)));
    for (let total = 0; total < 16 * 1024 * 1024; total += chunk.length) {
      try {
        parser.push(chunk, () => {});
      } catch (error) {
        return { error: (error as Error).message, bytes: total };
      }
    }
    return { error: "none", bytes: Number.POSITIVE_INFINITY };
  }

  test.each([
    ["a head", "HTTP/1.1 200 OK\r\n", "X-Header: more\r\n", "the head of an answer is too large"],
    ["a header line", "HTTP/1.1 200 OK\r\nX-Header: ", "more", "the head of an answer is too large"],
    ["a chunk's size", chunked(""), "0", "an answer with a malformed chunk"],
    ["a chunk's extension", chunked("1;"), "x", "an answer with a malformed chunk"],
    ["chunks", chunked(""), "1\r\na\r\n", "an answer of over 1048576 bytes"],
    ["trailers", chunked("0\r\n"), "X-Trailer: more\r\n", "an answer with too many trailers"],
    ["a trailer", chunked("0\r\nX-Trailer: "), "more", "an answer with too many trailers"],
  ])("%s", (_, start, piece, message) => {
    const { error, bytes: read } = feed(start, piece);
    expect(error).toBe(message);
    expect(read).toBeLessThan(8 * 1024 * 1024);
  });
});
