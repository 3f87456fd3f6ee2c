import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { expect, test } from "vitest";
import { Offer_Operation_Type, TaskState } from "../../../gen/mesos/v1/mesos.js";
import { Call, Call_Type } from "../../../gen/mesos/v1/scheduler/scheduler.js";
import { readCall } from "../../../server/mesos/messages/calls.js";
import { Spans } from "../../../server/traces/spans.js";
import { systemClock } from "../../../wire/clock.js";

const TRACEPARENT = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "" };

function spans() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracing = new Spans({ tracer: provider.getTracer("test"), clock: systemClock, ownTraces: false });
  const names = () => exporter.getFinishedSpans().map(({ name }) => name);
  return { tracing, names };
}

/** An ACCEPT that launches `count` tasks. */
function accept(prefix: string, count: number) {
  const taskInfos = Array.from({ length: count }, (_, i) => ({
    name: "",
    taskId: { value: `${prefix}${i}` },
    agentId: { value: "a" },
  }));
  const operations = [{ type: Offer_Operation_Type.LAUNCH, launch: { taskInfos } }];
  const call = Call.fromPartial({ type: Call_Type.ACCEPT, accept: { offerIds: [{ value: "o" }], operations } });
  return readCall(Call.encode(call).finish());
}

test("what is remembered of launches and updates is bounded, whatever comes of them", () => {
  const { tracing } = spans();
  const call = tracing.begin("service/method", TRACEPARENT);
  for (let i = 0; i < 30; i++) call?.sends("framework", accept(`${i}-`, 1_000))({ kind: "accepted" });
  expect(tracing.remembered).toBe(10_000);
  for (let i = 0; i < 30_000; i++) {
    tracing.updated("framework", `${Math.floor(i / 1_000)}-${i % 1_000}`, `key-${i}`, TaskState.TASK_RUNNING);
  }
  // The first updates of the 10,000 tasks that were launched last wait for their acknowledgements.
  expect(tracing.remembered).toBe(10_000);
});

test("a task that was not launched after all is not awaited", () => {
  const { tracing, names } = spans();
  const answered = tracing.begin("service/method", TRACEPARENT)?.sends("framework", accept("t", 2));
  expect(tracing.remembered).toBe(2);
  answered?.({ kind: "not-sent", message: "no master" });
  expect(tracing.remembered).toBe(0);
  tracing.updated("framework", "t0", "key", TaskState.TASK_RUNNING);
  expect(names()).toEqual(["ACCEPT"]);
});

test("an acknowledgement that was not taken is followed again", () => {
  const { tracing, names } = spans();
  tracing.begin("service/method", TRACEPARENT)?.sends("framework", accept("t", 1))({ kind: "accepted" });
  tracing.updated("framework", "t0", "key", TaskState.TASK_RUNNING);
  tracing.updated("framework", "t0", "later", TaskState.TASK_FINISHED);
  expect(tracing.acknowledges("later", undefined)).toBeUndefined();
  tracing.acknowledges("key", undefined)?.({ kind: "unknown", message: "the subscription ended" });
  tracing.acknowledges("key", undefined)?.({ kind: "accepted" });
  expect(tracing.acknowledges("key", undefined)).toBeUndefined();
  expect(names()).toEqual(["ACCEPT", "first update", "ACKNOWLEDGE", "ACKNOWLEDGE"]);
});

test("tasks of the same id in two frameworks are two", () => {
  const { tracing, names } = spans();
  tracing.begin("service/method", TRACEPARENT)?.sends("one", accept("t", 1))({ kind: "accepted" });
  tracing.updated("two", "t0", "key", TaskState.TASK_RUNNING);
  expect(names()).toEqual(["ACCEPT"]);
});
