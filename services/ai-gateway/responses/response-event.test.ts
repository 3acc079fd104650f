import assert from "node:assert/strict";
import { test } from "node:test";
import { packEvents, toEventText, unpackEvents } from "./response-event.ts";

test("an event bears its number in the stream, and every other byte of it stays", () => {
  for (const [given, sent] of [
    [
      '{"type":"x","n":12345678901234567890,"sequence_number":3}',
      '{"type":"x","n":12345678901234567890,"sequence_number":9}',
    ],
    ['{ "sequence_number": 3, "s": "a\\nb" }', '{ "sequence_number": 9, "s": "a\\nb" }'],
  ] as const) {
    assert.equal(toEventText("x", given, 9), `event: x\ndata: ${sent}\n\n`);
  }
  const lines = toEventText("x", '{"type":"x",\n\n"sequence_number":3}', 9);
  assert.deepEqual(JSON.parse(lines.split("data: ")[1] ?? ""), { type: "x", sequence_number: 9 });
  assert.equal(lines.split("\n").length, 4);
  for (const odd of ['{"type":"x"}', '{"sequence_number":1,"sequence_number":2,"type":"x"}']) {
    assert.deepEqual(JSON.parse(toEventText("x", odd, 9).split("data: ")[1] ?? ""), { type: "x", sequence_number: 9 });
  }
});

test("events are unpacked as they were packed", () => {
  const events = [0, 1, 2].map((n) => toEventText("x", JSON.stringify({ text: "a\n\nb\r\n", n }), n));
  assert.deepEqual(unpackEvents(packEvents(events)), events);
});
