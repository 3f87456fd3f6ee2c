import {
  type Attributes,
  type Context,
  defaultTextMapGetter,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { TaskState } from "../../gen/mesos/v1/mesos.js";
import type { Clock } from "../../wire/clock.js";
import type { CallOutcome } from "../mesos/link/callOutcome.js";
import { type CallMessage, CallType, callTypeName, readAccept } from "../mesos/messages/calls.js";
import { isUntaken } from "../session/answers.js";
import { BridgeError } from "../session/errors.js";
import type { CallTrace, TraceParent, Tracing } from "../session/tracing.js";
import { Recent } from "./recent.js";

/** Tasks whose first update is awaited, and updates whose acknowledgement is: beyond these the oldest are not traced on. */
const REMEMBERED = 10_000;

/** A launch whose first update is awaited. */
interface Launched {
  readonly request: SpanContext;
  readonly sentMs: number;
}

export interface SpansOptions {
  readonly tracer: Tracer;
  readonly clock: Clock;
  /** Whether calls without a traceparent may begin a trace. */
  readonly ownTraces: boolean;
}

/** Makes spans of calls, of requests to the master, of first updates and of their acknowledgements. */
export class Spans implements Tracing {
  readonly #options: SpansOptions;
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #launched = new Recent<Launched>(REMEMBERED);
  readonly #updated = new Recent<SpanContext>(REMEMBERED);

  constructor(options: SpansOptions) {
    this.#options = options;
  }

  /** How many tasks and updates are remembered. */
  get remembered(): number {
    return this.#launched.size + this.#updated.size;
  }

  begin(method: string, parent: TraceParent | undefined): CallTrace | undefined {
    if (!parent && !this.#options.ownTraces) return undefined;
    const from = parent ? this.#propagator.extract(ROOT_CONTEXT, parent, defaultTextMapGetter) : ROOT_CONTEXT;
    const [service = "", name = ""] = method.split("/");
    const attributes = { "rpc.system": "grpc", "rpc.service": service, "rpc.method": name };
    const span = this.#options.tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, from);
    if (!span.isRecording()) return undefined;
    return new TracedCall(span, (frameworkName, call) => this.#request(span, frameworkName, call));
  }

  updated(frameworkName: string, taskId: string, key: string, state: number): void {
    const launched = this.#launched.take(taskKey(frameworkName, taskId));
    if (!launched) return;
    const attributes = {
      "mesos.framework.name": frameworkName,
      "mesos.task.id": taskId,
      "mesos.task.state": TaskState[state] ?? String(state),
    };
    const options = { kind: SpanKind.INTERNAL, attributes, startTime: launched.sentMs };
    const span = this.#options.tracer.startSpan("first update", options, under(launched.request));
    span.end(this.#options.clock.wallTime());
    if (key !== "") this.#updated.set(key, span.spanContext());
  }

  acknowledges(key: string, by: CallTrace | undefined): ((outcome: CallOutcome) => void) | undefined {
    const update = this.#updated.take(key);
    if (!update) return undefined;
    const span = this.#options.tracer.startSpan("ACKNOWLEDGE", { kind: SpanKind.CLIENT }, under(update));
    if (by instanceof TracedCall) by.links(span);
    return (outcome) => {
      endWith(span, outcome);
      // It is acknowledged again.
      if (outcome.kind !== "accepted") this.#updated.set(key, update);
    };
  }

  #request(parent: Span, frameworkName: string, call: CallMessage): (outcome: CallOutcome) => void {
    const tasks = call.type === CallType.ACCEPT ? readAccept(call.payload).tasks : [];
    const attributes: Attributes = { "mesos.framework.name": frameworkName };
    if (tasks.length > 0) attributes["mesos.tasks"] = tasks.length;
    const options = { kind: SpanKind.CLIENT, attributes };
    const span = this.#options.tracer.startSpan(callTypeName(call), options, under(parent.spanContext()));
    const launched = { request: span.spanContext(), sentMs: this.#options.clock.wallTime() };
    for (const { taskId } of tasks) this.#launched.set(taskKey(frameworkName, taskId), launched);
    return (outcome) => {
      endWith(span, outcome);
      if (isUntaken(outcome)) for (const { taskId } of tasks) this.#launched.take(taskKey(frameworkName, taskId));
    };
  }
}

class TracedCall implements CallTrace {
  readonly #span: Span;
  readonly sends: CallTrace["sends"];

  constructor(span: Span, sends: CallTrace["sends"]) {
    this.#span = span;
    this.sends = sends;
  }

  ended(error: unknown): void {
    if (error !== undefined) {
      const reason = error instanceof BridgeError ? error.reason : "INTERNAL";
      this.#span.setAttribute("error.type", reason);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message: reason });
    }
    this.#span.end();
  }

  /** Lets both traces name each other: one call may acknowledge updates of many traces. */
  links(other: Span): void {
    this.#span.addLink({ context: other.spanContext() });
    other.addLink({ context: this.#span.spanContext() });
  }
}

const under = (parent: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, parent);
const taskKey = (frameworkName: string, taskId: string) => `${frameworkName}\0${taskId}`;

function endWith(span: Span, outcome: CallOutcome): void {
  if (outcome.kind !== "accepted") {
    span.setAttribute("error.type", outcome.kind === "refused" ? outcome.cause : outcome.kind);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}
