import { type FailureKind, isFailure } from "../errors/failure.ts";
import { type CallContext, currentContext, runInContext } from "../rpc/call-context.ts";
import type { OpenOptions, OpenSpanOf, Span, TracerOf } from "./span.ts";

export type OpenSpan = OpenSpanOf<CallContext>;
export type Tracer = TracerOf<CallContext>;

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
