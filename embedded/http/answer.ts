import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A request whose body has been read. */
export interface Request {
  readonly method: string;
  /** Path as sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Path and query as sent. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly socket: Socket;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Set for an event stream: called once the head is written. It owns the response from then on. */
  readonly stream?: (response: ServerResponse) => void;
}

/** A text answer; Mesos's errors are all of this form. */
export function textAnswer(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...headers, "Content-Type": "text/plain; charset=utf-8" }, body: text };
}

export function jsonAnswer(text: string): Answer {
  return { status: 200, headers: { "Content-Type": "application/json" }, body: text };
}

export function notFound(): Answer {
  return textAnswer(404, "404 Not Found.");
}

export function notImplemented(): Answer {
  return textAnswer(501, "501 Not Implemented.");
}

/** Undefined when the request is a POST, else the refusal. */
export function refuseUnlessPost(request: Request): Answer | undefined {
  return refuseUnless(request, ["POST"]);
}

/** Undefined when the request's method is one of these, else the refusal. */
export function refuseUnless({ method }: Request, methods: readonly string[]): Answer | undefined {
  if (methods.includes(method)) return undefined;
  const expected = methods.map((each) => `'${each}'`).join(", ");
  return textAnswer(405, `405 Method Not Allowed. Expecting one of { ${expected} }, but received '${method}'.`, {
    Allow: methods.join(", "),
  });
}

export const ACCEPTED: Answer = { status: 202 };
