import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  ParentBasedSampler,
  type ReadableSpan,
  type SpanExporter,
  TraceIdRatioBasedSampler,
} from "@opentelemetry/sdk-trace-base";
import type { Clock } from "../../wire/clock.js";
import { errorText } from "../../wire/errorText.js";
import type { Log } from "../log.js";
import type { Tracing } from "../session/tracing.js";
import { Spans } from "./spans.js";

export interface TracesOptions {
  /** Where spans go, as OTLP over HTTP: `http://127.0.0.1:4318/v1/traces`. */
  readonly url: string;
  /** The share of calls without a traceparent that begin a trace, from 0 to 1. */
  readonly ratio: number;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OpenTraces {
  readonly tracing: Tracing;
  /** Sends what waits, for 5 s at most. Never rejects. */
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;
/** Spans that wait beyond these are dropped. */
const MAX_WAITING = 8_192;
const BATCH = 512;
const DELAY_MS = 1_000;

/** Opens what makes spans and sends them. */
export function openTraces({ url, ratio, version, clock, log }: TracesOptions): OpenTraces {
  const exporter = new ToldExporter(new OTLPTraceExporter({ url, timeoutMillis: TIMEOUT_MS }), log);
  const processor = new BatchSpanProcessor(exporter, {
    maxQueueSize: MAX_WAITING,
    maxExportBatchSize: BATCH,
    scheduledDelayMillis: DELAY_MS,
    exportTimeoutMillis: TIMEOUT_MS,
  });
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ "service.name": "mesos-bridge", "service.version": version }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [processor],
  });
  const tracing = new Spans({ tracer: provider.getTracer("mesos-bridge", version), clock, ownTraces: ratio > 0 });
  return {
    tracing,
    close: () => provider.shutdown().catch((error: unknown) => exporter.failed(error)),
  };
}

/** An exporter that logs once when it begins to fail, and once when it works again. */
class ToldExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #log: Log;
  #failing = false;

  constructor(exporter: SpanExporter, log: Log) {
    this.#exporter = exporter;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      if (result.code === ExportResultCode.FAILED) this.failed(result.error);
      else this.#worked();
      done(result);
    });
  }

  failed(error: unknown): void {
    if (this.#failing) return;
    this.#failing = true;
    this.#log.warn({ reason: errorText(error) }, "traces can't be sent, and are dropped until they can");
  }

  #worked(): void {
    if (!this.#failing) return;
    this.#failing = false;
    this.#log.info({}, "traces are sent again");
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
