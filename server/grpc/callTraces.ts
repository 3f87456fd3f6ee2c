import type { Metadata } from "@grpc/grpc-js";
import type { CallTrace, TraceParent, Tracing } from "../session/tracing.js";
import type { Done, UnaryCall } from "./rawService.js";

/** W3C Trace Context has 55 characters in its first version. A longer one than this is not read. */
const MAX_TRACEPARENT = 256;
/** So long it has to be passed on, by the same specification; a longer one is dropped. */
const MAX_TRACESTATE = 512;

/** Begins the traces of unary calls, and keeps them beside their calls. */
export class CallTraces {
  readonly #tracing: Tracing | undefined;
  readonly #traces = new WeakMap<object, CallTrace>();

  /** @param tracing undefined: no call is traced */
  constructor(tracing: Tracing | undefined) {
    this.#tracing = tracing;
  }

  /** The call's trace, if it has one. */
  of(call: object): CallTrace | undefined {
    return this.#tracing && this.#traces.get(call);
  }

  /** Gives what ends the call: its trace ends with it. @param method such as `mesosbridge.v1.SchedulerService/LaunchTasks` */
  begin(call: UnaryCall, method: string, done: Done): Done {
    const trace = this.#tracing?.begin(method, parentOf(call.metadata));
    if (!trace) return done;
    this.#traces.set(call, trace);
    return (error, response) => {
      trace.ended(response === undefined ? error : undefined);
      done(error, response);
    };
  }
}

function parentOf(metadata: Metadata): TraceParent | undefined {
  const [traceparent] = metadata.get("traceparent");
  if (typeof traceparent !== "string" || traceparent.length > MAX_TRACEPARENT) return undefined;
  const tracestate = metadata.get("tracestate").join(",");
  return { traceparent, tracestate: tracestate.length > MAX_TRACESTATE ? "" : tracestate };
}
