import { createTraceRecorder } from "@lyss/kit/observability/trace-recorder.ts";
import { inSpan } from "@lyss/kit/observability/tracing.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import { fromContextHeaders } from "@lyss/kit/rpc/context-headers.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import type { Contestant } from "./contest.ts";

/** What a span costs where tracing is off, where it is on and nothing is kept, and what the same work costs without one. */
export function createTracingContestants(): readonly Contestant[] {
  const off = fromContextHeaders(() => undefined, systemClock);
  const send = () => {
    throw new Error("nothing should be kept");
  };
  const recorder = { clock: systemClock, sampleRatio: 0, slowMs: 3_600_000, send, close: async () => {} };
  const on = { ...off, tracer: createTraceRecorder(recorder) };
  let done = 0;
  const work = () => ++done;
  const inTurn = (name: string, context: typeof off, once: () => unknown): Contestant => ({
    name,
    run: (count) =>
      runInContext(context, () => {
        for (let i = 0; i < count; i++) once();
      }),
  });
  return [
    inTurn("the work alone", off, work),
    inTurn("kit: in a span, tracing off", off, () => inSpan("work", work)),
    inTurn("kit: in a span, recorded and dropped", on, () => inSpan("work", work)),
  ];
}
