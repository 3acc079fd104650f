import assert from "node:assert/strict";
import { test } from "node:test";
import { drawFrom } from "../../dialects/random-chat.ts";
import { writeEvent, writeEventFrame, writeException } from "./event-frames.ts";
import { BrokenEventStream, createEventStreamReader } from "./event-stream.ts";

const maxBytes = 100_000;
const events = [
  writeEvent("messageStart", { role: "assistant" }),
  writeEvent("contentBlockDelta", { contentBlockIndex: 0, delta: { text: "Grüße 你好" } }),
  writeEvent("messageStop", { stopReason: "end_turn" }),
];
const told = [
  { messageStart: { role: "assistant" } },
  { contentBlockDelta: { contentBlockIndex: 0, delta: { text: "Grüße 你好" } } },
  { messageStop: { stopReason: "end_turn" } },
];
const bytes = Buffer.concat(events);

function readAll(...pieces: Buffer[]): unknown[] {
  const reader = createEventStreamReader(maxBytes);
  const read = pieces.flatMap((piece) => reader.push(piece));
  assert.equal(reader.flush(), undefined);
  return read.map(({ data = "" }) => JSON.parse(data));
}

test("W45: a frame of smithy.io's own examples is read", () => {
  // "empty_message" and "int32_header"-like prelude of the published test suite: total 16, no headers.
  const empty = Buffer.from("000000100000000005c248eb7d98c8ff", "hex");
  assert.deepEqual(readAll(empty), [{ exception: "" }]);
});

test("W5, W45: events are whole wherever the stream is cut", () => {
  for (let at = 0; at <= bytes.length; at++) {
    assert.deepEqual(readAll(bytes.subarray(0, at), bytes.subarray(at)), told, `cut at ${at}`);
  }
  assert.deepEqual(readAll(...Array.from(bytes, (_, at) => bytes.subarray(at, at + 1))), told);
});

test("W3, W45: a stream that ends within a frame has not ended well", () => {
  for (let at = 1; at < bytes.length; at++) {
    const isBetween = at === events[0]?.length || at === bytes.length - (events[2]?.length ?? 0);
    const reader = createEventStreamReader(maxBytes);
    reader.push(bytes.subarray(0, at));
    if (isBetween) assert.equal(reader.flush(), undefined);
    else assert.throws(() => reader.flush(), BrokenEventStream, `cut at ${at}`);
  }
});

test("W45: of a flipped bit anywhere nothing is believed", () => {
  const [first = Buffer.alloc(0)] = events;
  for (let bit = 0; bit < first.length * 8; bit++) {
    const broken = Buffer.from(first);
    broken[bit >> 3] = (broken[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => createEventStreamReader(maxBytes).push(broken), BrokenEventStream, `bit ${bit}`);
  }
});

test("a frame that says it is longer than allowed is refused before it is read", () => {
  const long = writeEventFrame({ ":message-type": "event" }, `"${"x".repeat(maxBytes)}"`);
  assert.throws(() => createEventStreamReader(maxBytes).push(long.subarray(0, 12)), BrokenEventStream);
});

test("exceptions and errors tell their type alone", () => {
  assert.deepEqual(readAll(writeException("throttlingException", "sk-secret")), [{ exception: "throttlingException" }]);
  const error = writeEventFrame(
    { ":message-type": "error", ":error-code": "internal", ":error-message": "secret" },
    "",
  );
  assert.deepEqual(readAll(error), [{ exception: "internal" }]);
});

test("for 300 seeds: rubbish is refused or waited for, and never loops or reads past its end", () => {
  for (let seed = 0; seed < 300; seed++) {
    const draw = drawFrom(`frames ${seed}`);
    const rubbish = Buffer.from(Array.from({ length: draw(200) }, () => draw(256)));
    const reader = createEventStreamReader(maxBytes);
    try {
      reader.push(rubbish);
      reader.flush();
    } catch (err) {
      assert.ok(err instanceof BrokenEventStream, `seed ${seed}: ${err}`);
    }
  }
});
