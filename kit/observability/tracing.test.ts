import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type CallContext, currentContext, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders, fromTraceparent, isTraceparent } from "../rpc/context-headers.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createTraceRecorder, type FinishedSpan } from "./trace-recorder.ts";
import { inSpan } from "./tracing.ts";

const clock = createFakeClock();

function start({ sampleRatio = 0, slowMs = 1_000 } = {}) {
  const sent: FinishedSpan[] = [];
  const send = (spans: readonly FinishedSpan[]) => void sent.push(...spans);
  const tracer = createTraceRecorder({ clock, sampleRatio, slowMs, send, close: async () => {} });
  /** A request at the edge, and what happens in it. */
  function serve<T>(work: () => T, context: CallContext = newContext()): T {
    const span = tracer.open("request", context, { kind: "server", isEdge: true, isOrphan: true });
    const result = runInContext(span.context, work);
    if (result instanceof Promise) return result.finally(() => span.end()) as T;
    span.end();
    return result;
  }
  return { tracer, sent, serve };
}

const newContext = () => fromContextHeaders(() => undefined, clock);
const namesOf = (spans: readonly FinishedSpan[]) => spans.map(({ name }) => name);

test("outside a recorded call a span is only its work: same answer, same error, same promise", async () => {
  assert.equal(
    inSpan("x", () => 1),
    1,
  );
  const promise = Promise.resolve(2);
  assert.equal(
    inSpan("x", () => promise),
    promise,
  );
  const context = newContext();
  runInContext(context, () => inSpan("x", () => assert.equal(currentContext(), context)));
  assert.throws(() => inSpan("x", () => assert.fail("out")), /out/);
});

test("spans form the tree of the work, through promises, with one trace id", async () => {
  const { sent, serve } = start({ sampleRatio: 1 });
  await serve(() =>
    inSpan("outer", async (span) => {
      span.set({ a: 1, long: "x".repeat(1_000) });
      await Promise.all([inSpan("left", async () => {}), inSpan("right", async () => inSpan("deep", () => {}))]);
    }),
  );
  assert.equal(new Set(sent.map(({ traceId }) => traceId)).size, 1);
  const parentOf = (name: string) => {
    const span = sent.find((one) => one.name === name);
    return sent.find(({ spanId }) => spanId === span?.parentSpanId)?.name;
  };
  assert.deepEqual(["request", "outer", "left", "right", "deep"].map(parentOf), [
    undefined,
    "request",
    "outer",
    "outer",
    "right",
  ]);
  const outer = sent.find(({ name }) => name === "outer");
  assert.deepEqual(outer?.attributes, { a: 1, long: "x".repeat(256) });
});

test("a trace in which something failed is kept whole; one with an expected answer is not", async () => {
  const { sent, serve } = start();
  serve(() => inSpan("fine", () => {}));
  const expected = serve(() => inSpan("absent", async () => Promise.reject(new Failure(kitFailures.not_found))));
  await assert.rejects(expected);
  assert.equal(sent.length, 0);

  const bug = serve(() => inSpan("bug", async () => Promise.reject(new TypeError("secret text"))));
  await assert.rejects(bug, TypeError);
  assert.deepEqual(namesOf(sent), ["bug", "request"]);
  assert.deepEqual(sent[0]?.attributes, { "error.type": "TypeError" });
  assert.ok(sent[0]?.hasFailed && !JSON.stringify(sent).includes("secret text"));
});

test("a slow trace is kept, a long stream is not", () => {
  const { tracer, sent, serve } = start({ slowMs: 100 });
  serve(() => clock.advance(99));
  const stream = tracer.open("stream", newContext(), { isEdge: true });
  stream.rename("stream", true);
  clock.advance(10_000);
  stream.end();
  assert.equal(sent.length, 0);
  serve(() => inSpan("work", () => clock.advance(100)));
  assert.deepEqual(namesOf(sent), ["work", "request"]);
  assert.equal(sent[0]?.durationMs, 100);
});

test("the share that is sampled is decided at the edge, whatever a client asks for, and holds downstream", () => {
  const { tracer, sent } = start({ sampleRatio: 0.1 });
  let sampled = 0;
  for (let i = 0; i < 10_000; i++) {
    const span = tracer.open("edge", { ...newContext(), isSampled: true }, { isEdge: true });
    if (span.context.isSampled) sampled++;
    span.end();
  }
  assert.ok(sampled > 800 && sampled < 1_200, `${sampled} of 10,000`);
  assert.equal(sent.length, sampled);
  const inner = tracer.open("peer", { ...newContext(), isSampled: true });
  inner.end();
  assert.equal(sent.length, sampled + 1);
});

test("spans of one trace that overlap in this process are decided on together", () => {
  const { tracer, sent } = start();
  const outer = tracer.open("caller", newContext());
  const inner = tracer.open("callee", outer.context);
  inner.end();
  assert.equal(sent.length, 0);
  outer.fail("internal");
  outer.end();
  outer.end();
  assert.deepEqual(namesOf(sent), ["callee", "caller"]);
});

test("memory is bounded: by traces, by spans of a trace, by attributes of a span", () => {
  const { tracer, sent } = start({ sampleRatio: 1 });
  const root = tracer.open("root", newContext(), { isEdge: true });
  for (let i = 0; i < 1_000; i++) tracer.open("child", root.context).end();
  root.set(Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`a${i}`, i])));
  root.end();
  assert.equal(sent.length, 512);
  for (let i = 0; i < 10_001; i++) {
    const forgotten = tracer.open("never ended", newContext(), { isEdge: true });
    tracer.open("child", forgotten.context).end();
  }
  assert.equal(sent.length, 513);
});

test("500 malformed traceparents start new traces and break nothing (T2)", () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  assert.ok(isTraceparent(good));
  const malformed = new Set<string>(["", "00", "-", "---", good.toUpperCase(), `${good}-x`, `01${good.slice(2)}`]);
  const odd = ["", "g", "G", "-", " ", "\u0000", "é", "0", "00", "%00", "\t", ",", good, "x".repeat(9_000)];
  let seed = 7;
  const draw = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return seed % below;
  };
  while (malformed.size < 500) {
    const at = draw(good.length);
    const text = `${good.slice(0, at)}${odd[draw(odd.length)]}${good.slice(at + draw(5))}`;
    if (!/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text)) malformed.add(text);
  }
  for (const header of malformed) {
    assert.ok(!isTraceparent(header));
    const { traceId, spanId, isSampled } = fromTraceparent(header);
    assert.match(traceId, /^(?!0{32})[0-9a-f]{32}$/);
    assert.match(spanId, /^(?!0{16})[0-9a-f]{16}$/);
    assert.ok(!isSampled && !good.includes(traceId));
  }
  const zeros = `00-${"0".repeat(32)}-b7ad6b7169203331-01`;
  assert.ok(!isTraceparent(zeros) && !isTraceparent(undefined));
});
