import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import { status } from "@grpc/grpc-js";
import { Buckets } from "../../wire/buckets.js";

const DURATION_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10];
/** Methods times statuses that are told apart: what clients do can't make them more. */
const MAX_OUTCOMES = 100;
const STATUS = "grpc-status";

/** Calls of one method that ended with one status. */
export interface Outcome {
  readonly code: status;
  calls: number;
  /** From the head of the request to the end of the answer. Undefined for streams, which last as long as they are wanted. */
  readonly durations: Buckets | undefined;
}

/** Calls of one method. */
export class MethodCounts {
  /** As `package.Service/Method`. */
  readonly name: string;
  readonly unary: boolean;
  started = 0;
  /** By status code. */
  readonly outcomes: (Outcome | undefined)[] = [];

  constructor(name: string, unary: boolean) {
    this.name = name;
    this.unary = unary;
  }
}

/**
 * Counts the calls of all methods at the level of HTTP/2, where those are seen too that the library answers by itself:
 * unknown methods, deadlines, messages that are too large.
 */
export class CallCounts {
  /** Methods that are not known, and outcomes for which there is no place. */
  readonly #other = new MethodCounts("other", true);
  readonly #methods = new Map<string, MethodCounts>();
  #outcomes = 0;

  /** A method is served. @param path as `/package.Service/Method` */
  register(path: string, unary: boolean): void {
    this.#methods.set(path, new MethodCounts(path.slice(1), unary));
  }

  /** All methods, and `other`. */
  *methods(): IterableIterator<MethodCounts> {
    yield* this.#methods.values();
    yield this.#other;
  }

  /** Counts the calls that come on a connection. */
  follow(session: ServerHttp2Session): void {
    session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      const method = this.#methods.get(headers[":path"] as string) ?? this.#other;
      method.started++;
      const since = performance.now();
      stream.once("close", () => this.#ended(method, codeOf(stream), (performance.now() - since) / 1_000));
    });
  }

  #ended(method: MethodCounts, code: status, seconds: number): void {
    const outcome = this.#outcomeOf(method, code);
    outcome.calls++;
    if (method.unary) outcome.durations?.observe(seconds);
  }

  #outcomeOf(method: MethodCounts, code: status): Outcome {
    const known = method.outcomes[code];
    if (known) return known;
    if (this.#outcomes >= MAX_OUTCOMES && method !== this.#other) return this.#outcomeOf(this.#other, code);
    this.#outcomes++;
    const outcome = { code, calls: 0, durations: method.unary ? new Buckets(DURATION_SECONDS) : undefined };
    method.outcomes[code] = outcome;
    return outcome;
  }
}

/** The status that a stream was ended with. Without one, the client or its connection was gone first. */
function codeOf({ sentTrailers, sentHeaders }: ServerHttp2Stream): status {
  const sent = sentTrailers?.[STATUS] ?? sentHeaders?.[STATUS];
  if (sent === undefined) return status.CANCELLED;
  const code = Number(sent);
  return status[code] === undefined ? status.UNKNOWN : code;
}
