import { type FailureKind, isFailure } from "../errors/failure.ts";
import { type CallContext, currentContext, runInContext } from "../rpc/call-context.ts";

/** As OpenTelemetry has them: who is on the other side of the span. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** Facts of a span by their names in the semantic conventions. Never content, never a secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** One piece of work that takes time, while it is under way. */
export interface Span {
  set(attributes: SpanAttributes): void;
  /** Says that it failed, and keeps its trace. `errorType` is a code or a class, not a text. */
  fail(errorType: string): void;
}

/** A span and the context of what happens inside it. */
export interface OpenSpan extends Span {
  readonly context: CallContext;
  /** For one that had to be opened before it was known what it is. */
  rename(name: string, isStream: boolean): void;
  /** Ends it; a repeat does nothing. */
  end(): void;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
}

export interface OpenOptions extends SpanOptions {
  /** The edge: the context's flag is what a client says, so whether to sample is decided here. */
  readonly isEdge?: boolean;
  /** True when the context's span id was drawn here because nobody sent one. */
  readonly isOrphan?: boolean | undefined;
  /** A stream is as long as its reader likes, so its length alone keeps no trace. */
  readonly isStream?: boolean;
}

/** Records spans. Absent wherever tracing is off, so that what is not wanted costs one look for it. */
export interface Tracer {
  /** A child of the context's span. Whoever opens it ends it. */
  open(name: string, context: CallContext, options?: OpenOptions): OpenSpan;
  /** Sends what has ended; nothing is recorded after it. Never rejects. */
  close(): Promise<void>;
}

const noSpan: Span = { set() {}, fail() {} };

/**
 * Runs `work` inside a span of the call being served, and gives or throws what it does. The span ends with the work, with
 * its promise if it gives one. Outside a recorded call only the work happens.
 */
export function inSpan<T>(name: string, work: (span: Span) => T, options?: OpenOptions): T {
  const context = currentContext();
  if (context?.tracer === undefined) return work(noSpan);
  const span = context.tracer.open(name, context, options);
  const rethrow = (err: unknown): never => {
    noteError(span, err);
    span.end();
    throw err;
  };
  try {
    const result = runInContext(span.context, () => work(span));
    if (result instanceof Promise) {
      const ended = result.then((value) => {
        span.end();
        return value;
      }, rethrow);
      return ended as T;
    }
    span.end();
    return result;
  } catch (err) {
    return rethrow(err);
  }
}

/** Kinds that are the callee's fault; the others are answers that callers are told to expect. */
const faults: ReadonlySet<FailureKind | "ok"> = new Set([
  ...(["unknown", "deadline_exceeded", "unimplemented", "internal", "unavailable", "data_loss"] as const),
]);

/** True when a call that ended this way is worth keeping its trace. */
export function isFault(code: FailureKind | "ok"): boolean {
  return faults.has(code);
}

/** What a span may say of an error: its code or its class. */
export function noteError(span: Span, err: unknown): void {
  if (!isFailure(err)) span.fail(err instanceof Error ? err.name : "unknown");
  else if (isFault(err.type.kind)) span.fail(err.type.code);
  else span.set({ "error.type": err.type.code });
}
