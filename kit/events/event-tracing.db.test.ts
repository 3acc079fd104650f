import assert from "node:assert/strict";
import { test } from "node:test";
import { createTraceRecorder, type FinishedSpan } from "../observability/trace-recorder.ts";
import { inSpan } from "../observability/tracing.ts";
import { runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { systemClock as clock } from "../service/clock.ts";
import { openEventNode, opened, say } from "../testing/event-log.ts";
import { onEvent } from "./event.ts";

test("a handler's span belongs to the trace of the call that caused the event, as a child of its span", async (t) => {
  const sent: FinishedSpan[] = [];
  const handled = Promise.withResolvers<void>();
  const tracer = createTraceRecorder({
    ...{ clock, sampleRatio: 1, slowMs: 60_000, close: async () => {} },
    send(spans) {
      sent.push(...spans);
      if (sent.some(({ kind }) => kind === "consumer")) handled.resolve();
    },
  });
  const { writerDb, hear } = await openEventNode(t, { tracer });
  await hear([onEvent("count", opened, async () => inSpan("in the handler", async () => {}))]);
  const context = fromContextHeaders(() => undefined, clock);
  const call = tracer.open("call", context, { isEdge: true, isOrphan: true });
  await runInContext(call.context, () => say(writerDb, opened, "k:1"));
  call.end();
  await handled.promise;

  const parents = new Map(sent.map(({ name, parentSpanId }) => [name, parentSpanId]));
  const idOf = (name: string) => sent.find((span) => span.name === name)?.spanId;
  assert.deepEqual(new Set(sent.map(({ traceId }) => traceId)), new Set([context.traceId]));
  assert.equal(parents.get("process test.opened"), idOf("call"));
  assert.equal(parents.get("in the handler"), idOf("process test.opened"));
});
