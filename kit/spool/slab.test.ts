import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "../testing/seeded-random.ts";
import { readFrames } from "./frame.ts";
import { asIs, type RecordFormat, toBytes } from "./record-format.ts";
import { createSlabs } from "./slab.ts";

/** A format that writes one byte more, or less, than it says. */
const lying = (differenceBytes: number): RecordFormat<number> => ({
  maxBytes: (length) => length,
  write(length, bytes, at) {
    const end = at + length + differenceBytes;
    for (let index = at; index < end; index++) bytes[index] = 7;
    return end;
  },
});

function read(parts: readonly Buffer[]): string[] {
  const bytes = Buffer.concat(parts);
  const { records, validBytes } = readFrames(bytes);
  assert.equal(validBytes, bytes.length);
  return records.map(String);
}

test("what is taken is what was added since, in order, whatever its length, and records stay as they are", () => {
  const { between } = createSeeded(20_261_127);
  const slabs = createSlabs();
  const kept: { readonly record: Buffer; readonly text: string }[] = [];
  for (let turn = 0; turn < 100; turn++) {
    const texts = Array.from({ length: between(0, 40) }, (_, i) => `${turn}.${i}`.padEnd(between(1, 1_500), "."));
    if (turn % 20 === 0) texts.push("x".repeat(100_000));
    for (const text of texts) kept.push({ text, record: slabs.add(asIs, Buffer.from(text)) });
    assert.deepEqual(read(slabs.take()), texts);
    assert.deepEqual(slabs.take(), []);
  }
  for (const { record, text } of kept) assert.equal(String(record), text);
});

test("a record that is shorter than its format's most leaves no gap", () => {
  const slabs = createSlabs();
  slabs.add(lying(-3), 10);
  slabs.add(lying(-99), 100);
  assert.deepEqual(read(slabs.take()), ["\u0007".repeat(7), "\u0007"]);
});

test("a record that is longer than its format says is refused, for its end would be lost", () => {
  const slabs = createSlabs();
  for (const length of [10, 16_376]) assert.throws(() => slabs.add(lying(1), length), /1 bytes longer/);
  assert.throws(() => toBytes(lying(1), 10), /1 bytes longer/);
  assert.deepEqual(slabs.take(), []);
  assert.equal(toBytes(lying(-3), 10).length, 7);
});

test("a record of no byte, or of more than 1 MiB, is refused and not added", () => {
  const slabs = createSlabs();
  assert.throws(() => slabs.add(asIs, new Uint8Array(0)), RangeError);
  assert.throws(() => slabs.add(asIs, new Uint8Array(1_048_577)), RangeError);
  slabs.add(asIs, Buffer.alloc(1_048_576, "a"));
  assert.deepEqual(
    read(slabs.take()).map(({ length }) => length),
    [1_048_576],
  );
});
