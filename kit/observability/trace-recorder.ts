import { createSpanId } from "../rpc/span-id.ts";
import type { Clock } from "../service/clock.ts";
import type { SpanAttributes, SpanKind } from "./span.ts";
import type { OpenSpan, Tracer } from "./tracing.ts";

/** A span that has ended. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  /** Wall clock. */
  readonly startMs: number;
  readonly durationMs: number;
  readonly attributes: SpanAttributes;
  readonly hasFailed: boolean;
}

export interface TraceRecorderOptions {
  readonly clock: Clock;
  /** Share of traces that are kept whatever comes of them, 0 to 1. */
  readonly sampleRatio: number;
  /** A trace whose first span here takes at least this long is kept. */
  readonly slowMs: number;
  readonly send: (spans: readonly FinishedSpan[]) => void;
  readonly close: () => Promise<void>;
}

/** What this process knows of a trace: its spans wait here until the last of them has ended. */
interface LocalTrace {
  readonly spans: FinishedSpan[];
  openSpans: number;
  isKept: boolean;
}

/** Beyond these the oldest trace is decided on as it stands, and further spans of a trace are left out. */
const maxTraces = 10_000;
const maxSpansPerTrace = 512;
const maxAttributes = 64;
const maxTextLength = 256;

/**
 * Decides on each trace when its last span in this process has ended: kept when it was sampled at the edge, when a span
 * failed, or when it was slow. Each process decides on its own part.
 */
export function createTraceRecorder(options: TraceRecorderOptions): Tracer {
  const { clock, sampleRatio, slowMs, send } = options;
  const traces = new Map<string, LocalTrace>();
  let isClosed = false;

  function traceOf(traceId: string): LocalTrace {
    const known = traces.get(traceId);
    if (known) return known;
    const [oldest] = traces.size >= maxTraces ? traces.keys() : [];
    if (oldest !== undefined) decide(oldest);
    const trace = { spans: [], openSpans: 0, isKept: false };
    traces.set(traceId, trace);
    return trace;
  }

  function decide(traceId: string): void {
    const trace = traces.get(traceId);
    traces.delete(traceId);
    if (trace?.isKept && trace.spans.length > 0 && !isClosed) send(trace.spans);
  }

  return {
    open(firstName, context, { kind = "internal", attributes, isEdge, isOrphan, ...options } = {}): OpenSpan {
      const { traceId } = context;
      const spanId = createSpanId();
      const isSampled = isEdge ? Number.parseInt(spanId.slice(0, 8), 16) < sampleRatio * 2 ** 32 : context.isSampled;
      const trace = traceOf(traceId);
      const isFirst = trace.openSpans++ === 0;
      if (isSampled) trace.isKept = true;
      const noted: Record<string, string | number | boolean> = {};
      const set = (more: SpanAttributes) => note(noted, more);
      if (attributes) set(attributes);
      const startMs = clock.nowMs();
      const startedMs = clock.monotonicMs();
      let name = firstName;
      let isStream = options.isStream ?? false;
      let hasFailed = false;
      let isEnded = false;
      return {
        context: { ...context, spanId, isSampled, tracer: this },
        set,
        fail(errorType) {
          hasFailed = true;
          set({ "error.type": errorType });
        },
        rename(newName, mayStream) {
          name = newName;
          isStream = mayStream;
        },
        end() {
          if (isEnded) return;
          isEnded = true;
          const durationMs = clock.monotonicMs() - startedMs;
          if (hasFailed || (isFirst && !isStream && durationMs >= slowMs)) trace.isKept = true;
          const parentSpanId = isOrphan ? undefined : context.spanId;
          const span = { traceId, spanId, parentSpanId, name, kind, startMs, durationMs, attributes: noted, hasFailed };
          if (trace.spans.length < maxSpansPerTrace) trace.spans.push(span);
          if (--trace.openSpans === 0 && traces.get(traceId) === trace) decide(traceId);
        },
      };
    },
    async close() {
      for (const traceId of [...traces.keys()]) decide(traceId);
      isClosed = true;
      await options.close();
    },
  };
}

function note(noted: Record<string, string | number | boolean>, more: SpanAttributes): void {
  let room = maxAttributes - Object.keys(noted).length;
  for (const [name, value] of Object.entries(more)) {
    if (!Object.hasOwn(noted, name) && room-- <= 0) return;
    noted[name] = typeof value === "string" ? value.slice(0, maxTextLength) : value;
  }
}
