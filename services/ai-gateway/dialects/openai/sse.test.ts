import assert from "node:assert/strict";
import { test } from "node:test";
import { createSseReader, SseEventTooLarge } from "./sse.ts";

const stream = Buffer.from(
  `\ufeffdata: {"a":"你好"}\n\n: keep-alive\r\n\r\nevent: x\r\ndata: 1\r\ndata:2\r\n\r\ndata: cr\r\rdata: [DONE]\n\n`,
);
const expected = [`{"a":"你好"}`, undefined, "1\n2", "cr", "[DONE]"];

function readAll(chunks: readonly Buffer[]) {
  const reader = createSseReader(1_000);
  const events = chunks.flatMap((chunk) => reader.push(chunk));
  const last = reader.flush();
  return last ? [...events, last] : events;
}

test("W5: events are the same wherever the bytes are cut in two", () => {
  for (let at = 0; at <= stream.length; at++) {
    const events = readAll([stream.subarray(0, at), stream.subarray(at)]);
    assert.deepEqual(
      events.map((event) => event.data),
      expected,
      `cut at ${at}`,
    );
    assert.equal(Buffer.concat(events.map((event) => event.raw)).compare(stream), 0, `cut at ${at}`);
  }
});

test("events are the same byte by byte", () => {
  const events = readAll([...stream].map((byte) => Buffer.from([byte])));
  assert.deepEqual(
    events.map((event) => event.data),
    expected,
  );
});

test("W5: a last event without its blank line is given at the end", () => {
  assert.deepEqual(
    readAll([Buffer.from("data: 1\n\ndata: 2")]).map((event) => event.data),
    ["1", "2"],
  );
});

test("events that were given stay as they were, whatever comes behind them", () => {
  const wanted = Array.from({ length: 200 }, (_, n) => `data: ${"x".repeat((n * 37) % 90)}${n}\n\n`);
  const bytes = Buffer.from(wanted.join(""));
  for (const step of [1, 2, 7, 40, 200]) {
    const reader = createSseReader(1_000);
    const events: { readonly raw: Buffer }[] = [];
    for (let at = 0; at < bytes.length; at += step)
      events.push(...reader.push(Buffer.from(bytes.subarray(at, at + step))));
    assert.deepEqual(
      events.map(({ raw }) => raw.toString()),
      wanted,
      `in pieces of ${step}`,
    );
  }
});

test("a long event is not copied again for every chunk", (t) => {
  const copied = t.mock.method(Buffer.prototype, "copy");
  const joined = t.mock.method(Buffer, "concat");
  const reader = createSseReader(1_000_000);
  const chunk = Buffer.alloc(1_000, "x");
  for (let i = 0; i < 1_000; i++) reader.push(chunk);
  const sizes = [
    ...copied.mock.calls.map(({ result = 0 }) => Number(result)),
    ...joined.mock.calls.map(({ result }) => result?.length ?? 0),
  ];
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  assert.ok(bytes < 4_000_000, String(bytes));
});

test("an event without end is cut off at the limit", () => {
  const reader = createSseReader(1_000);
  assert.throws(() => {
    for (let i = 0; i < 11; i++) reader.push(Buffer.alloc(100, "x"));
  }, SseEventTooLarge);
});
