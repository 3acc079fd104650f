import type { SpanStatus } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { Logger } from "pino";
import type { Clock } from "../service/clock.ts";
import type { SpanKind } from "./span.ts";
import { createTraceRecorder, type FinishedSpan } from "./trace-recorder.ts";
import type { Tracer } from "./tracing.ts";

export interface OtlpTracerOptions {
  /** Where an OTLP/HTTP receiver takes traces, such as `http://127.0.0.1:4318/v1/traces`. */
  readonly otlpUrl: string;
  readonly sampleRatio: number;
  readonly slowMs: number;
  /** `service.name` and the like of everything that is sent. */
  readonly resource: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly log: Logger;
}

const kinds: readonly SpanKind[] = ["internal", "server", "client", "producer", "consumer"];
const closeTimeoutMs = 3_000;

/**
 * A tracer that sends what it keeps by OTLP over HTTP, in batches. Where the receiver is away, traces are lost, which is
 * logged, and nothing waits. OpenTelemetry's SDK is loaded here and nowhere else: without a tracer it is not in the process.
 */
export async function createOtlpTracer(options: OtlpTracerOptions): Promise<Tracer> {
  const [{ BatchSpanProcessor }, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const { clock, log, sampleRatio, slowMs } = options;
  const exporter = new OTLPTraceExporter({ url: options.otlpUrl, timeoutMillis: closeTimeoutMs });
  const processor = new BatchSpanProcessor({ exporter: reporting(exporter, log), scheduledDelayMillis: 1_000 });
  const resource = resourceFromAttributes(options.resource);
  return createTraceRecorder({
    ...{ clock, sampleRatio, slowMs },
    send(spans) {
      for (const span of spans) processor.onEnd(toReadableSpan(span, resource));
    },
    close: () => processor.shutdown().catch(() => undefined),
  });
}

type Exporter = ConstructorParameters<typeof import("@opentelemetry/sdk-trace").BatchSpanProcessor>[0]["exporter"];

/** The exporter, saying once when it begins to fail. */
function reporting(exporter: Exporter, log: Logger): Exporter {
  let isFailing = false;
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.error && !isFailing) log.warn({ err: result.error }, "traces cannot be sent");
        isFailing = result.error !== undefined;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
  };
}

function toReadableSpan(span: FinishedSpan, resource: ReadableSpan["resource"]): ReadableSpan {
  const { traceId, name, startMs, durationMs } = span;
  // What is here has been decided on: the flag lets it through the processor.
  const contextOf = (spanId: string) => ({ traceId, spanId, traceFlags: 1 });
  const status: SpanStatus = { code: span.hasFailed ? 2 : 0 };
  return {
    name,
    kind: kinds.indexOf(span.kind),
    spanContext: () => contextOf(span.spanId),
    ...(span.parentSpanId !== undefined && { parentSpanContext: contextOf(span.parentSpanId) }),
    startTime: toHrTime(startMs),
    endTime: toHrTime(startMs + durationMs),
    duration: toHrTime(durationMs),
    status,
    attributes: span.attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "@lyss/kit" },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function toHrTime(ms: number): [number, number] {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.min(Math.round((ms - seconds * 1_000) * 1e6), 999_999_999)];
}
